import { CodedError } from '../../packages/bytes/src/index.ts'

export type ImageErrorCode =
  | 'ERR_IMAGE_MACHINE'
  | 'ERR_IMAGE_PREREQUISITE'
  | 'ERR_IMAGE_COMMAND'
  | 'ERR_IMAGE_DOWNLOAD'
  | 'ERR_IMAGE_UNLOCKED'
  | 'ERR_IMAGE_LOCK'
  | 'ERR_IMAGE_LIBRARY'
  | 'ERR_IMAGE_ENTRY'
  | 'ERR_IMAGE_EPOCH'

/** The image cannot be built, or may not be. */
export class ImageError extends CodedError<ImageErrorCode> {}
