import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AesmClient } from '@alcove/aesm'
import { CodedError } from '@alcove/bytes'
import { connectPlatform, loadEnclave } from '@alcove/simulator/client'
import { EnclaveError } from './enclave-error.ts'

/** This program as an enclave. */
export interface Enclave extends AsyncDisposable {
  /** 32 bytes: what was loaded, page by page. */
  readonly mrEnclave: Uint8Array
  /** 32 bytes: who signed it. */
  readonly mrSigner: Uint8Array
  /**
   * A REPORT (432 bytes) for the enclave that `targetInfo` (512 bytes) names, on this machine.
   *
   * @param reportData up to 64 bytes of the caller's own, zero-padded
   */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array>
  /**
   * A quote over `reportData`, made by the node's quote helper over AESM.
   *
   * @param reportData up to 64 bytes of the caller's own, zero-padded
   * @throws {AesmError} with what the helper answered, or that it cannot be reached
   */
  quote(reportData: Uint8Array): Promise<Uint8Array>
}

/** Where Allocate puts the enclave device: programs look for either generation's path. */
const DEVICE_PATHS = ['/dev/sgx_enclave', '/dev/sgx/enclave'] as const
const PLATFORM_SOCKET = '/run/alcove-simulator/platform.socket'
const AESM_SOCKET = '/var/run/aesmd/aesm.socket'
const REPORT_DATA_BYTES = 64

/**
 * Loads the enclave that `directory/enclave.json` describes, on the device that this container was given.
 *
 * @param options.root where the container's paths start: `ALCOVE_ROOT` on an embedded node, else `/`
 * @throws {EnclaveError} `ERR_ENCLAVE_NO_DEVICE`, `ERR_ENCLAVE_NO_PLATFORM`, `ERR_ENCLAVE_OUT_OF_EPC`
 */
export async function openEnclave(options: {
  directory: string
  root?: string | undefined
}): Promise<Enclave> {
  const root = options.root ?? '/'
  const device = await findDevice(root)
  const socket = join(root, PLATFORM_SOCKET)
  if (!(await exists(socket))) {
    throw new EnclaveError(
      'ERR_ENCLAVE_NO_PLATFORM',
      `no simulated platform: ${PLATFORM_SOCKET} is not here, and this version loads enclaves on a simulated node only; start one with npm start and use alcove run`,
    )
  }
  const platform = await connectPlatform(socket, await readFile(device, 'utf8'))
  try {
    const loaded = await loadEnclave(platform, options.directory)
    const aesm = new AesmClient({ path: join(root, AESM_SOCKET) })
    const report = (targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array> =>
      loaded.report(targetInfo, paddedReportData(reportData))
    return {
      mrEnclave: loaded.mrEnclave,
      mrSigner: loaded.mrSigner,
      report,
      quote: reportData => aesm.quoteWith(targetInfo => report(targetInfo, reportData)),
      [Symbol.asyncDispose]: () => platform.close(),
    }
  } catch (error) {
    await platform.close()
    throw asOutOfEpc(error) ?? error
  }
}

async function findDevice(root: string): Promise<string> {
  for (const path of DEVICE_PATHS) {
    const device = join(root, path)
    if (await exists(device)) return device
  }
  throw new EnclaveError(
    'ERR_ENCLAVE_NO_DEVICE',
    `no enclave device: neither ${DEVICE_PATHS.join(' nor ')} is in this container; ask for EPC: limits kubernetes.azure.com/sgx_epc_mem_in_MiB: 10 in the pod, or alcove run --epc 10`,
  )
}

function asOutOfEpc(error: unknown): EnclaveError | undefined {
  if (!(error instanceof CodedError) || error.code !== 'ERR_SIMULATOR_OUT_OF_EPC') return undefined
  return new EnclaveError(
    'ERR_ENCLAVE_OUT_OF_EPC',
    `the node's EPC is spent: ${error.message}; lower heapMiB in enclave.json, or wait until other enclaves end`,
    { cause: error },
  )
}

function paddedReportData(reportData: Uint8Array): Uint8Array {
  if (reportData.byteLength > REPORT_DATA_BYTES) {
    throw new RangeError(
      `report data: ${reportData.byteLength} bytes, at most ${REPORT_DATA_BYTES}`,
    )
  }
  const padded = new Uint8Array(REPORT_DATA_BYTES)
  padded.set(reportData)
  return padded
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
