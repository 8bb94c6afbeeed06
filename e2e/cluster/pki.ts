import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.ts'

const DAYS = '3650'
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export interface CertificateRequest {
  /** Of its files: `NAME.crt`, `NAME.key`. */
  readonly name: string
  /** `/O=system:masters/CN=admin`: the user's groups and name. */
  readonly subject: string
  /** `IP:…`, `DNS:…`: only for who serves. */
  readonly alternativeNames?: readonly string[]
}

/** The cluster's certification authority, and the key of its service accounts; kept where they are there already. */
export async function openAuthority(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const at = (name: string): string => join(directory, name)
  if (!existsSync(at('ca.crt'))) {
    const files = ['-keyout', at('ca.key'), '-out', at('ca.crt')]
    const subject = ['-subj', '/CN=alcove-e2e', '-days', DAYS]
    await command('openssl', ['req', '-x509', ...NEW_KEY, ...files, ...subject])
  }
  if (!existsSync(at('sa.pub'))) {
    const curve = ['-name', 'prime256v1', '-genkey', '-noout']
    await command('openssl', ['ecparam', ...curve, '-out', at('sa.key')])
    await command('openssl', ['ec', '-in', at('sa.key'), '-pubout', '-out', at('sa.pub')])
  }
}

/** A certificate and its key, for client and server use. */
export async function issue(directory: string, request: CertificateRequest): Promise<void> {
  const file = (kind: string): string => join(directory, `${request.name}.${kind}`)
  if (existsSync(file('crt'))) return
  const subject = ['-subj', request.subject]
  await command('openssl', [
    'req',
    ...NEW_KEY,
    ...['-keyout', file('key'), '-out', file('csr')],
    ...subject,
  ])
  const names = request.alternativeNames ?? []
  const extensions = [
    'extendedKeyUsage=serverAuth,clientAuth',
    ...(names.length === 0 ? [] : [`subjectAltName=${names.join(',')}`]),
  ]
  await writeFile(file('ext'), `${extensions.join('\n')}\n`)
  const authority = ['-CA', join(directory, 'ca.crt'), '-CAkey', join(directory, 'ca.key')]
  await command('openssl', [
    ...['x509', '-req', '-in', file('csr'), ...authority],
    ...['-set_serial', `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`],
    ...['-days', DAYS, '-extfile', file('ext'), '-out', file('crt')],
  ])
}

/** A kubeconfig for the holder of a certificate. */
export function kubeconfig(pki: string, name: string, server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority': join(pki, 'ca.crt') } }],
    users: [
      {
        name,
        user: {
          'client-certificate': join(pki, `${name}.crt`),
          'client-key': join(pki, `${name}.key`),
        },
      },
    ],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: name } }],
    'current-context': 'e2e',
  })
}
