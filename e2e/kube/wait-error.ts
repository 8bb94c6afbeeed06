import { CodedError } from '@alcove/bytes'

/** What a story waited for did not come. */
export class WaitError extends CodedError<'ERR_E2E_WAIT'> {}
