import type { DerReader } from './der.ts'

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  readonly value: Uint8Array
}

/**
 * Reads `SEQUENCE OF Extension` (RFC 5280, section 4.1).
 *
 * @throws {FormatError} also for an extension that occurs twice
 */
export function parseExtensions(reader: DerReader): Extension[] {
  const list = reader.sequence('extensions')
  const extensions: Extension[] = []
  const oids = new Set<string>()
  while (!list.done) {
    const extension = list.sequence('extension')
    const oid = extension.oid('extnId')
    if (oids.has(oid)) throw extension.refuse('extnId', `${oid} occurs twice`)
    oids.add(oid)
    const critical = extension.nextTag === 0x01 && extension.boolean('critical')
    extensions.push({ oid, critical, value: extension.octetString('extnValue') })
    extension.end()
  }
  return extensions
}
