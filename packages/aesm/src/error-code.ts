/** What AESM's number means to an operator. */
export interface AesmErrorEntry {
  readonly name: string
  readonly remedy: string
}

const epid = 'EPID is not served; ask for an ECDSA quote (the …_ex requests).'
const service = 'AESM’s platform service is not served; nothing but quoting is.'
const readLog = 'Read the quote helper’s log: it has the cause, the wire carries only the number.'
const askAgain = 'Ask again after a moment.'
const initAgain = 'Call init_quote_ex, make a new REPORT for the TARGETINFO it gives, ask again.'
const useEcdsa = 'Ask for the id that get_supported_att_key_ids gives: ECDSA on P-256.'
const keyLost = 'Restart the quote helper: it makes and certifies a new attestation key.'
const newReport =
  'Make a new REPORT with EREPORT for the TARGETINFO that init_quote_ex gives, on this machine.'
const certs = 'Register the platform, and see that the certificate cache has its PCK certificates.'

/**
 * `aesm_error_t`: number → name and remedy.
 *
 * @see docs/formats/aesm.md, which names Intel's header
 */
const entries: readonly (readonly [name: string, remedy: string])[] = [
  ['SUCCESS', 'Nothing to do.'],
  ['UNEXPECTED', readLog],
  ['NO_DEVICE', 'See that the quote helper has the enclave and the provision device.'],
  ['PARAMETER', 'A field has the wrong length or value: see docs/formats/aesm.md.'],
  ['EPIDBLOB', epid],
  ['EPID_REVOKED', epid],
  ['GET_LICENSETOKEN', 'Launch tokens are not needed with the in-kernel driver.'],
  ['SESSION_INVALID', service],
  ['MAX_NUM_SESSION', service],
  ['PSDA_UNAVAILABLE', service],
  ['EPH_SESSION_FAILED', service],
  ['LONG_TERM_PAIRING', service],
  ['NETWORK', 'See that the quote helper reaches the certificate cache: its URL, TLS, proxy.'],
  ['NETWORK_BUSY', askAgain],
  ['PROXY_SETTING_ASSIST', 'Set the proxy of the quote helper.'],
  ['FILE_ACCESS', 'See that the quote helper may read and write its files.'],
  ['SGX_PROVISION_FAILED', 'See that the quote helper has the provision device.'],
  ['SERVICE_STOPPED', 'The quote helper is stopping: ask again once it is back.'],
  ['BUSY', askAgain],
  ['BACKEND_SERVER_BUSY', askAgain],
  ['UPDATE_AVAILABLE', 'A platform update is available: plan it.'],
  ['OUT_OF_MEMORY', 'Raise the memory limit of the quote helper.'],
  ['MSG', readLog],
  ['THREAD', readLog],
  ['SGX_DEVICE_NOT_AVAILABLE', 'See that SGX is enabled in the firmware and the driver loaded.'],
  ['ENABLE_SGX_DEVICE_FAILED', 'Enable SGX in the firmware.'],
  ['PLATFORM_INFO_BLOB_INVALID_SIG', epid],
  ['SERVICE_NOT_AVAILABLE', service],
  ['KDF_MISMATCH', service],
  ['OUT_OF_EPC', 'Free EPC on this node, or raise the reserve of the quoting enclaves.'],
  [
    'SERVICE_UNAVAILABLE',
    'This request is not served here; quoting is (init_quote_ex and what follows).',
  ],
  ['UNRECOGNIZED_PLATFORM', 'Register the platform; an ECDSA quote needs no EPID provisioning.'],
  ['ECDSA_ID_MISMATCH', initAgain],
  ['PATHNAME_BUFFER_OVERFLOW', 'Shorten the paths of the quote helper’s files.'],
  ['ERROR_STORED_KEY', keyLost],
  ['PUB_KEY_ID_MISMATCH', initAgain],
  ['INVALID_PCE_SIG_SCHEME', readLog],
  ['ATT_KEY_BLOB', keyLost],
  ['UNSUPPORTED_ATT_KEY_ID', useEcdsa],
  ['UNSUPPORTED_LOADING_POLICY', readLog],
  ['INTERFACE_UNAVAILABLE', readLog],
  ['PLATFORM_LIB_UNAVAILABLE', 'Install the quote provider library where the quote helper looks.'],
  ['ATT_KEY_NOT_INITIALIZED', initAgain],
  ['ATT_KEY_CERT_DATA_INVALID', certs],
  ['NO_PLATFORM_CERT_DATA', certs],
  ['ERROR_REPORT', newReport],
  ['ENCLAVE_LOST', 'The machine slept or was migrated: restart the quote helper.'],
  ['INVALID_REPORT', newReport],
  [
    'ENCLAVE_LOAD_ERROR',
    'See that the quote helper has its enclaves’ files, both devices, and EPC.',
  ],
  ['UNABLE_TO_GENERATE_QE_REPORT', 'See that qe_report_info has the TARGETINFO of your enclave.'],
  [
    'KEY_CERTIFICATION_ERROR',
    'See that the quote helper has the provision device, then restart it.',
  ],
  ['CONFIG_UNSUPPORTED', readLog],
]

/** The numbers that this package itself answers with, or acts on. */
export const AesmCode = {
  success: 0,
  unexpected: 1,
  parameter: 3,
  serviceStopped: 17,
  busy: 18,
  serviceUnavailable: 30,
  unsupportedKeyId: 38,
  keyNotInitialized: 42,
  invalidReport: 47,
} as const

/** Name and remedy of an AESM error number; a number that the table lacks is named `UNKNOWN`. */
export function describeAesmCode(errorCode: number): AesmErrorEntry {
  const entry = entries[errorCode]
  return entry === undefined
    ? { name: 'UNKNOWN', remedy: readLog }
    : { name: entry[0], remedy: entry[1] }
}

/** How many numbers the table has: 0 to one less. */
export const aesmCodeCount: number = entries.length
