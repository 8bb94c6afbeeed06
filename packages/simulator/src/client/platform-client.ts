import type { Answer, PlatformCollateral } from '../protocol/index.ts'
import { Connection } from './connection.ts'
import { layOutEnclave } from './layout.ts'
import { type EnclaveFolder, type EnclaveManifest, readEnclaveFiles } from './manifest.ts'
import {
  type Ask,
  type ClientEnclaveCreation,
  type CreatedEnclave,
  createEnclave,
  type LoadedEnclave,
} from './remote-enclave.ts'
import { type TokenSource, tokenOf } from './token.ts'

/** A program's connection to the platform of its node. Its enclaves end with it. */
export interface PlatformClient extends AsyncDisposable {
  /**
   * ECREATE, then every page, then EINIT; where one of them is refused, the pages already taken are given back.
   *
   * @throws {SimulatorError} `ERR_SIMULATOR_NOT_PERMITTED` without an enclave token; `ERR_SIMULATOR_OUT_OF_EPC`;
   *   `ERR_SIMULATOR_MANIFEST`
   */
  loadEnclave(manifest: EnclaveManifest, folder: EnclaveFolder): Promise<LoadedEnclave>
  /** ECREATE alone, for who adds the pages. */
  createEnclave(creation: ClientEnclaveCreation): Promise<CreatedEnclave>
  epc(): Promise<Answer<'epc'>>
  /** What a verifier needs for this platform's quotes, issued now. */
  collateral(): Promise<PlatformCollateral>
  /** The root certificate of the platform's PCS, PEM. */
  root(): Promise<string>
  /** Which platform this is, and what it runs. */
  tcb(): Promise<Answer<'tcb'>>
  /** Has the platform look at its state: where that is another, it restarts, and every enclave on it is gone. */
  reload(): Promise<Answer<'reload'>>
  /** Settles when the platform is gone, and the enclaves with it. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

export interface ConnectOptions {
  /** For each request; 30 s unless told. */
  readonly timeoutMs?: number
}

/**
 * @param token what the enclave device's file holds, or where it is read once the connection is made; without one only `epc`, `collateral`, `root`, `tcb` and `reload` are answered
 * @throws {SimulatorError} `ERR_SIMULATOR_UNREACHABLE`; `ERR_SIMULATOR_NOT_PERMITTED` for a token that is not the node's
 */
export async function connectPlatform(
  path: string,
  token: TokenSource | undefined,
  { timeoutMs = 30_000 }: ConnectOptions = {},
): Promise<PlatformClient> {
  const connection = await Connection.open(path, AbortSignal.timeout(timeoutMs))
  const ask: Ask = (op, fields) => connection.request(op, fields, AbortSignal.timeout(timeoutMs))
  const close = () => connection.close()
  try {
    if (token !== undefined) await ask('open', { token: await tokenOf(token) })
  } catch (error) {
    await close()
    throw error
  }
  return {
    createEnclave: creation => createEnclave(ask, creation),
    loadEnclave: (manifest, folder) => load(ask, manifest, folder),
    epc: () => ask('epc', {}),
    collateral: () => ask('collateral', {}),
    root: async () => (await ask('root', {})).rootPem,
    tcb: () => ask('tcb', {}),
    reload: () => ask('reload', {}),
    ended: connection.ended,
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function load(
  ask: Ask,
  manifest: EnclaveManifest,
  folder: EnclaveFolder,
): Promise<LoadedEnclave> {
  const layout = layOutEnclave(manifest, await readEnclaveFiles(manifest, folder))
  const { sizeBytes, ssaFrameSize, runs } = layout
  const { debug, signer, isvProdId, isvSvn } = manifest
  const kss = kssOperands(manifest)
  const creation = { sizeBytes, ssaFrameSize, debug, kss: kss?.ecreate }
  const enclave = await createEnclave(ask, creation)
  try {
    for (const run of runs) await enclave.add(run)
    return await enclave.init({ signer, isvProdId, isvSvn, kss: kss?.einit })
  } catch (error) {
    await enclave.destroy().catch(() => undefined) // where the connection is gone, so is the enclave
    throw error
  }
}

/** The parts of KSS that ECREATE fixes, and those that come with the signature. */
function kssOperands({ kss }: EnclaveManifest) {
  if (kss === undefined) return undefined
  const { familyId, extProdId, configId, configSvn } = kss
  const base64 = (hex: string) => Uint8Array.fromHex(hex).toBase64()
  return {
    ecreate: { configId: base64(configId), configSvn },
    einit: { familyId: base64(familyId), extProdId: base64(extProdId) },
  }
}
