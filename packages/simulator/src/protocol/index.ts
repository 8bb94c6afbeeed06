export { encodeFrame, FrameDecoder, maxFrameBytes } from './frame.ts'
export { encodeError, parseAnswer, parseRequest, parseUnasked } from './messages.ts'
export {
  type Answer,
  type Envelope,
  type EpcCount,
  type Grant,
  maxContentPages,
  maxUnmeasuredPages,
  type Operation,
  type PlatformCollateral,
  type PlatformTcb,
  type Request,
  type RequestFields,
  type RequestOf,
  type WireAnswer,
} from './operations.ts'
