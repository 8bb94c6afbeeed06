import { ByteReader } from '@alcove/bytes'
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { type Request, RequestSchema, type Response, ResponseSchema } from './gen/messages_pb.ts'
import { AesmMessageError } from './message-error.ts'
import { missingRequiredField } from './required-fields.ts'
import { checkWire } from './wire.ts'

/** What the fields of a request may be given as. */
export type RequestFields = MessageInitShape<typeof RequestSchema>
/** What the fields of a response may be given as. */
export type ResponseFields = MessageInitShape<typeof ResponseSchema>

/** @throws {AesmMessageError} `ERR_AESM_MESSAGE`: not a message, or a required field is missing */
export function decodeRequest(body: Uint8Array): Request {
  return decode(RequestSchema, body)
}

/** @throws {AesmMessageError} `ERR_AESM_MESSAGE`: not a message, or a required field is missing */
export function decodeResponse(body: Uint8Array): Response {
  return decode(ResponseSchema, body)
}

export function encodeRequest(fields: RequestFields): Uint8Array {
  return toBinary(RequestSchema, create(RequestSchema, fields))
}

export function encodeResponse(fields: ResponseFields): Uint8Array {
  return toBinary(ResponseSchema, create(ResponseSchema, fields))
}

function decode<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc> {
  let message: MessageShape<Desc>
  try {
    checkWire(schema, new ByteReader(body, schema.name))
    message = fromBinary(schema, body, { readUnknownFields: false })
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new AesmMessageError(schema.typeName, detail, { cause })
  }
  const missing = missingRequiredField(schema, message)
  if (missing !== undefined) throw new AesmMessageError(missing, 'required, and missing')
  return message
}
