import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { AesmError, type QuotingBackend, serveAesm } from '@alcove/aesm'
import { SimulatedQuoting, SimulatorError } from '@alcove/simulator/client'
// Programs reach the simulator through its client alone; what serves it to them is made here.
import {
  createPlatform,
  type Platform,
  type PlatformOptions,
  serveSimulatedPlatform,
} from '../../simulator/src/index.ts'
import { makeCharacterDevice } from '../../simulator/testing/character-device.ts'
import { type Enclave, openEnclave } from '../src/index.ts'

const projectRoot = join(import.meta.dirname, '../../..')
const tokens = { enclave: 'e'.repeat(64), provision: 'p'.repeat(64) }

/** A simulated machine, served to programs as a container on it sees it, until the test ends. */
export interface SimulatedMachine {
  /** Where the container's paths start. */
  readonly root: string
  readonly platform: Platform
  readonly aesmSocket: string
  readonly platformSocket: string
  /** Opens an enclave of a program folder. */
  open(directory: string): Promise<Enclave>
}

/**
 * @param options.device `file`, as on an embedded node, unless told: a plain file that holds the token; `character`, as in a
 *   pod: a character device, and the token beside the platform's socket
 */
export async function simulatedMachine(
  t: TestContext,
  options: Partial<PlatformOptions> & { readonly device?: 'file' | 'character' } = {},
): Promise<SimulatedMachine> {
  const { device = 'file', ...changes } = options
  const root = await temporaryDirectory(t)
  for (const directory of ['dev', 'run/alcove-simulator', 'var/run/aesmd']) {
    await mkdir(join(root, directory), { recursive: true })
  }
  if (device === 'character') makeCharacterDevice(join(root, 'dev/sgx_enclave'))
  const tokenFile = device === 'character' ? 'run/alcove-simulator/token' : 'dev/sgx_enclave'
  await writeFile(join(root, tokenFile), tokens.enclave)
  const platform = createPlatform({
    seed: new Uint8Array(32).fill(7),
    now: () => new Date('2026-05-01T12:00:00Z'),
    random: length => new Uint8Array(length).fill(1),
    epcBytes: 96 * 2 ** 20,
    ...changes,
  })
  const platformSocket = join(root, 'run/alcove-simulator/platform.socket')
  const server = await serveSimulatedPlatform({ path: platformSocket, platform, tokens })
  t.after(() => server[Symbol.asyncDispose]())
  const quoting = new SimulatedQuoting({ path: platformSocket, token: tokens.provision })
  t.after(() => quoting[Symbol.asyncDispose]())
  const aesmSocket = join(root, 'var/run/aesmd/aesm.socket')
  const aesm = await serveAesm({ path: aesmSocket, backend: answeringAesmErrors(quoting) })
  t.after(() => aesm.close())
  return {
    root,
    platform,
    aesmSocket,
    platformSocket,
    open: async directory => {
      const enclave = await openEnclave({ directory, root })
      t.after(() => enclave[Symbol.asyncDispose]())
      return enclave
    },
  }
}

export interface ProgramOptions {
  readonly isvProdId?: number
  readonly isvSvn?: number
  readonly debug?: boolean
  readonly signer?: string
  readonly kss?: Readonly<Record<string, string | number>>
  /** Of its main.ts. */
  readonly source?: string
}

/** A folder with a program and its enclave.json. */
export async function programFolder(t: TestContext, options: ProgramOptions = {}): Promise<string> {
  const { source = '', ...signed } = options
  const directory = await temporaryDirectory(t)
  const manifest = {
    name: 'program',
    main: 'main.ts',
    files: ['main.ts'],
    heapMiB: 0,
    isvProdId: 1,
    isvSvn: 1,
    debug: false,
    signer: 'test',
    ...signed,
  }
  await writeFile(join(directory, 'enclave.json'), JSON.stringify(manifest))
  await writeFile(join(directory, 'main.ts'), source)
  await symlink(join(projectRoot, 'node_modules'), join(directory, 'node_modules'))
  return directory
}

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function answeringAesmErrors(quoting: QuotingBackend): QuotingBackend {
  const translated = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((cause: unknown) => {
      if (!(cause instanceof SimulatorError)) throw cause
      throw new AesmError(cause.aesmCode, cause.message, { cause })
    })
  return {
    init: signal => translated(quoting.init(signal)),
    quoteSize: signal => translated(quoting.quoteSize(signal)),
    quote: (request, signal) => translated(quoting.quote(request, signal)),
  }
}
