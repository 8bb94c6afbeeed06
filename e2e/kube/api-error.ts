import { CodedError } from '@alcove/bytes'
import type { ApiResponse } from './api.ts'

/** The API server refused a request. */
export class ApiError extends CodedError<'ERR_API_STATUS'> {
  readonly status: number

  constructor(method: string, path: string, { status, body }: ApiResponse) {
    super('ERR_API_STATUS', `${method} ${path}: ${status} ${messageOf(body)}`)
    this.status = status
  }
}

function messageOf(body: string): string {
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1]
  return message === undefined ? body.slice(0, 500) : JSON.parse(`"${message}"`)
}
