export { CodedError } from './coded-error.ts'
export { FormatError, type FormatErrorCode } from './format-error.ts'
export { ByteReader, equalBytes } from './reader.ts'
export { ByteWriter, concatBytes } from './writer.ts'
