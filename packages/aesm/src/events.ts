import type { OperationName } from './operations.ts'

/** Why a connection was closed without an answer. */
export type CloseReason =
  | 'too-long'
  | 'malformed'
  | 'unknown-request'
  | 'incomplete'
  | 'read-deadline'
  | 'crowded-out'
  | 'peer-failed'
  | 'stopped'

/** What happens in a server. `connection` counts from 1; a listener that wants durations notes the time itself. */
export type AesmEvent =
  | { readonly kind: 'request'; readonly connection: number; readonly operation: OperationName }
  | {
      readonly kind: 'answered'
      readonly connection: number
      readonly operation: OperationName
      readonly errorCode: number
    }
  | {
      readonly kind: 'unanswered'
      readonly connection: number
      readonly reason: CloseReason
      readonly detail: string
    }
  /** The back end threw something else than an `AesmError`; 1 (UNEXPECTED) was answered. */
  | { readonly kind: 'backend-failed'; readonly operation: OperationName; readonly error: unknown }
  /** The back end had lost its key (42), and has it again. */
  | { readonly kind: 'recovered'; readonly operation: OperationName }
  | { readonly kind: 'server-failed'; readonly error: Error }
