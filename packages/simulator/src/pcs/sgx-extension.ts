import { ByteReader } from '@alcove/bytes'
import * as der from './der-writer.ts'
import { extension } from './x509.ts'

/** Which of the two CAs certifies a platform: single-package machines, or those of several packages. */
export type PckCa = 'processor' | 'platform'

/** What a PCK certificate says about a platform. */
export interface PckPlatform {
  /** 16 bytes. */
  readonly ppid: Uint8Array
  /** 16 bytes, one component SVN each. */
  readonly cpuSvn: Uint8Array
  readonly pceSvn: number
  /** 2 bytes. */
  readonly pceId: Uint8Array
  /** 6 bytes. */
  readonly fmspc: Uint8Array
  readonly ca: PckCa
}

/**
 * The SGX extension of a PCK certificate: five elements from the Processor CA, seven from the Platform CA. A
 * simulated platform is not dynamic, holds no cached keys and has SMT off.
 *
 * @param platformInstanceId 16 bytes; used under the Platform CA only
 * @see docs/formats/simulated-pki.md
 */
export function sgxExtension(platform: PckPlatform, platformInstanceId: Uint8Array): Uint8Array {
  const elements = [
    entry('1', der.octetString(platform.ppid)),
    entry('2', tcb(platform)),
    entry('3', der.octetString(platform.pceId)),
    entry('4', der.octetString(platform.fmspc)),
    entry('5', der.enumerated(platform.ca === 'processor' ? standard : scalable)),
  ]
  if (platform.ca === 'platform') {
    elements.push(entry('6', der.octetString(platformInstanceId)), entry('7', configuration()))
  }
  return extension(sgxOid, der.sequence(...elements))
}

const sgxOid = '1.2.840.113741.1.13.1'
const standard = 0
const scalable = 1

function tcb({ cpuSvn, pceSvn }: PckPlatform): Uint8Array {
  const components = new ByteReader(cpuSvn, 'cpuSvn')
  const entries = Array.from({ length: 16 }, (_, index) =>
    entry(`2.${index + 1}`, der.integer(components.u8(`[${index}]`))),
  )
  components.end()
  return der.sequence(
    ...entries,
    entry('2.17', der.integer(pceSvn)),
    entry('2.18', der.octetString(cpuSvn)),
  )
}

function configuration(): Uint8Array {
  const dynamicPlatform = entry('7.1', der.boolean(false))
  const cachedKeys = entry('7.2', der.boolean(false))
  const smtEnabled = entry('7.3', der.boolean(false))
  return der.sequence(dynamicPlatform, cachedKeys, smtEnabled)
}

function entry(suffix: string, value: Uint8Array): Uint8Array {
  return der.sequence(der.objectIdentifier(`${sgxOid}.${suffix}`), value)
}
