import { type DescMessage, isFieldSet, type Message } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'

/**
 * The first proto2 `required` field that is missing anywhere in the message, or `undefined`.
 * protobuf-es enforces `required` when it writes, but not when it reads.
 */
export function missingRequiredField(schema: DescMessage, message: Message): string | undefined {
  for (const field of schema.fields) {
    const set = isFieldSet(message, field)
    if (!set && field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) {
      return `${schema.typeName}.${field.name}`
    }
    if (set && field.fieldKind === 'message') {
      const inner = reflect(schema, message).get(field).message
      const missing = missingRequiredField(field.message, inner)
      if (missing !== undefined) return missing
    }
  }
  return undefined
}
