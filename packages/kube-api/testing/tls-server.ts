// For tests and benches: an HTTPS server on loopback, of an authority made for it by the openssl command.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Files of a certificate authority, and of a server's certificate that it signed for 127.0.0.1. */
export interface ServerIdentity {
  readonly ca: string
  readonly key: string
  readonly certificate: string
}

/** Makes an authority and a server's certificate in `directory`, in files that begin with `name`; both are good for a day. */
export async function makeIdentity(directory: string, name: string): Promise<ServerIdentity> {
  const file = (kind: string) => join(directory, `${name}.${kind}`)
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  const openssl = (...args: string[]) => run('openssl', args)
  await openssl(
    'req',
    '-x509',
    ...ec,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca'),
  )
  await openssl('req', ...ec, '-subj', '/CN=api', '-keyout', file('key'), '-out', file('csr'))
  await writeFile(file('ext'), 'subjectAltName=IP:127.0.0.1')
  const signed = [
    '-CA',
    file('ca'),
    '-CAkey',
    file('ca.key'),
    '-days',
    '1',
    '-extfile',
    file('ext'),
  ]
  await openssl('x509', '-req', '-in', file('csr'), ...signed, '-out', file('crt'))
  return { ca: file('ca'), key: file('key'), certificate: file('crt') }
}

export interface TlsServer extends Disposable {
  readonly host: '127.0.0.1'
  readonly port: number
}

/** Listens on a free port of loopback. Disposing of it cuts every connection. */
export async function listenTls(
  identity: ServerIdentity,
  listener: RequestListener,
): Promise<TlsServer> {
  const server = createServer(
    { key: await readFile(identity.key), cert: await readFile(identity.certificate) },
    listener,
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    host: '127.0.0.1',
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.dispose]: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
