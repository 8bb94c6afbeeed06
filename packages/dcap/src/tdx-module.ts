import type { TdReportBody } from '@alcove/sgx'
import type { JsonReader } from './json-reader.ts'
import { type ModuleLevel, mostLevels, readModuleLevels } from './module-level.ts'
import type { TcbInfo } from './tcb-info.ts'
import { VerifyError } from './verify-error.ts'

/** Who made the TDX module that a TD runs under. */
export interface TdxModule {
  /** MRSIGNERSEAM, lower-case hex, 48 bytes. */
  readonly mrSigner: string
  /** SEAMATTRIBUTES, lower-case hex, 8 bytes. */
  readonly attributes: string
  readonly attributesMask: string
}

/** The modules of one major version. */
export interface TdxModuleIdentity extends TdxModule {
  /** `TDX_01`: the major version in hex. */
  readonly id: string
  /** Best first; the module's minor version is what they call ISVSVN. */
  readonly tcbLevels: readonly ModuleLevel[]
}

/** Reads `tdxModule`. */
export function readTdxModule(reader: JsonReader): TdxModule {
  const fields = new ModuleFields(reader)
  reader.object(key => fields.read(key))
  return fields.done()
}

/** Reads `tdxModuleIdentities`. */
export function readTdxModuleIdentities(reader: JsonReader): TdxModuleIdentity[] {
  const identities: TdxModuleIdentity[] = []
  reader.array(index => {
    if (index === mostLevels) throw reader.refuse(`more than ${mostLevels} modules`)
    const fields = new ModuleFields(reader)
    let id: string | undefined
    let tcbLevels: readonly ModuleLevel[] | undefined
    reader.object(key => {
      if (key === 'id') id = reader.string(64)
      else if (key === 'tcbLevels') tcbLevels = readModuleLevels(reader)
      else fields.read(key)
    })
    identities.push({
      ...fields.done(),
      id: reader.required(id, 'id'),
      tcbLevels: reader.required(tcbLevels, 'tcbLevels'),
    })
  })
  return identities
}

class ModuleFields {
  readonly #reader: JsonReader
  #mrSigner: string | undefined
  #attributes: string | undefined
  #attributesMask: string | undefined

  constructor(reader: JsonReader) {
    this.#reader = reader
  }

  read(key: string): void {
    if (key === 'mrsigner') this.#mrSigner = this.#reader.hex(48)
    else if (key === 'attributes') this.#attributes = this.#reader.hex(8)
    else if (key === 'attributesMask') this.#attributesMask = this.#reader.hex(8)
  }

  done(): TdxModule {
    const reader = this.#reader
    return {
      mrSigner: reader.required(this.#mrSigner, 'mrsigner'),
      attributes: reader.required(this.#attributes, 'attributes'),
      attributesMask: reader.required(this.#attributesMask, 'attributesMask'),
    }
  }
}

/** The identity of the modules of a major version; `undefined` where Intel lists none. */
export function tdxModuleOf(
  identities: readonly TdxModuleIdentity[],
  major: number,
): TdxModuleIdentity | undefined {
  const id = `TDX_${major.toString(16).padStart(2, '0').toUpperCase()}`
  return identities.find(identity => identity.id.toUpperCase() === id)
}

/**
 * The module that a TD was launched under is one that Intel describes: of its major version, by its signer, without attributes.
 *
 * @throws {VerifyError} `ERR_VERIFY_TDX_MODULE_MISMATCH`
 */
export function requireTdxModule(
  { teeTcbSvn, mrSignerSeam, seamAttributes }: TdReportBody,
  { tdxModule, tdxModuleIdentities }: TcbInfo,
): void {
  const major = teeTcbSvn[1] ?? 0
  const wanted = major > 0 ? tdxModuleOf(tdxModuleIdentities ?? [], major) : tdxModule
  if (wanted === undefined) {
    const message = `the TD was launched under a TDX module of major version ${major}, which the TCB info does not list`
    throw new VerifyError('ERR_VERIFY_TDX_MODULE_MISMATCH', message, { field: 'version', major })
  }
  const mrSigner = mrSignerSeam.toHex()
  if (mrSigner !== wanted.mrSigner) {
    const message = `the TDX module is signed by MRSIGNERSEAM ${mrSigner}, the TCB info wants ${wanted.mrSigner}`
    throw new VerifyError('ERR_VERIFY_TDX_MODULE_MISMATCH', message, { field: 'mrSignerSeam' })
  }
  // As in Intel's verifier: none may be set, whatever the mask says.
  if (seamAttributes === 0n && /^0+$/.test(wanted.attributes)) return
  const attributes = seamAttributes.toString(16)
  const message = `the TDX module has SEAMATTRIBUTES 0x${attributes}; none may be set, and none in the TCB info`
  throw new VerifyError('ERR_VERIFY_TDX_MODULE_MISMATCH', message, { field: 'seamAttributes' })
}
