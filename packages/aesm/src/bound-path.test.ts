import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { link, lstat, mkdir, readdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { exchange, socketDirectory } from '../testing/peer.ts'
import { StandInBackend } from '../testing/stand-in-backend.ts'
import { bindPath } from './bound-path.ts'
import { encodeFrame, encodeRequest, serveAesm } from './index.ts'

async function answers(path: string): Promise<void> {
  const request = encodeFrame(encodeRequest({ getSupportedAttKeyIdNum: {} }))
  equal((await exchange(path, [request])).byteLength, 11)
}

test('every pod’s uid may connect: the socket is 0777, and alone in its directory', async () => {
  await using directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  await using _server = await serveAesm({ path, backend: new StandInBackend() })
  equal((await lstat(path)).mode & 0o777, 0o777)
  deepEqual(await readdir(dirname(path)), ['aesm.socket'])
})

test('a second server on a live path is refused, and the first one stays', async () => {
  await using directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  const backend = new StandInBackend()
  await using _first = await serveAesm({ path, backend })
  await rejects(serveAesm({ path, backend }), { code: 'ERR_AESM_SOCKET_BUSY', path })
  await answers(path)
  deepEqual(await readdir(dirname(path)), ['aesm.socket'])
})

/** A socket that nobody listens at, as `kill -9` leaves it. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.old`)
  await once(server, 'listening')
  await link(`${path}.old`, path)
  await unlink(`${path}.old`)
  server.close()
  await once(server, 'close')
}

test('a stale socket is replaced', async () => {
  await using directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  await leaveStale(path)
  await using _server = await serveAesm({ path, backend: new StandInBackend() })
  await answers(path)
})

test('of eight servers that start at once on a stale path one wins, and it is reachable', async () => {
  await using directory = await socketDirectory()
  for (let round = 0; round < 10; round++) {
    const path = directory.path(`${round}.socket`)
    await leaveStale(path)
    const backend = new StandInBackend()
    const starts = Array.from({ length: 8 }, () => serveAesm({ path, backend }))
    const settled = await Promise.allSettled(starts)
    const won = settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
    const lost = settled.flatMap(one => (one.status === 'rejected' ? [one.reason.code] : []))
    deepEqual(
      lost,
      Array.from({ length: 7 }, () => 'ERR_AESM_SOCKET_BUSY'),
    )
    await answers(path)
    await Promise.all(won.map(server => server.close()))
  }
})

test('a server that closes leaves the path to the one that has bound it since', async () => {
  await using directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  const backend = new StandInBackend()
  const older = await serveAesm({ path, backend })
  await unlink(path)
  await using _newer = await serveAesm({ path, backend })
  await older.close()
  await answers(path)
})

test('a path that is not a socket, or has no directory, is refused by name', async () => {
  await using directory = await socketDirectory()
  const backend = new StandInBackend()
  const refused = (path: string, code: string) =>
    rejects(serveAesm({ path, backend }), { code, path })
  const file = directory.path('file')
  await writeFile(file, '')
  await mkdir(directory.path('folder'))
  await symlink(file, directory.path('link'))
  await refused(file, 'ERR_AESM_SOCKET_NOT_A_SOCKET')
  await refused(directory.path('folder'), 'ERR_AESM_SOCKET_NOT_A_SOCKET')
  await refused(directory.path('link'), 'ERR_AESM_SOCKET_NOT_A_SOCKET')
  await refused(directory.path('missing/aesm.socket'), 'ERR_AESM_SOCKET_BIND')
})

test('a path of 107 bytes is served, one of 108 is refused and the limit named', async () => {
  await using directory = await socketDirectory()
  const backend = new StandInBackend()
  const most = directory.path('').padEnd(107, 'x')
  await using _server = await serveAesm({ path: most, backend })
  await answers(most)
  const refused = serveAesm({ path: `${most}x`, backend })
  await rejects(refused, {
    code: 'ERR_AESM_SOCKET_PATH_TOO_LONG',
    message: /108 bytes.*at most 107/,
  })
})

test('a short name in a directory that leaves no room beside it is refused, and nothing is left there', async () => {
  await using directory = await socketDirectory()
  const long = directory.path('').padEnd(105, 'x')
  await mkdir(long)
  const refused = serveAesm({ path: `${long}/s`, backend: new StandInBackend() })
  const code = 'ERR_AESM_SOCKET_PATH_TOO_LONG'
  await rejects(refused, { code, message: /a name for it .* 115 bytes/ })
  deepEqual(await readdir(long), [])
})

test('where there are no hard links the socket comes to its path by renaming', async () => {
  await using directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  const noLink = () =>
    Promise.reject(Object.assign(new Error(), { code: 'EPERM', syscall: 'link' }))
  await leaveStale(path)
  const server = createServer(socket => socket.end('here'))
  const bound = await bindPath(server, path, noLink)
  equal(Buffer.from(await exchange(path, [])).toString(), 'here')
  deepEqual(await readdir(dirname(path)), ['aesm.socket'])
  bound.release()
  deepEqual(await readdir(dirname(path)), [])
  server.close()
  await once(server, 'close')
})
