export type { ServerEvent } from './conversation.ts'
export {
  type PlatformServer,
  type ServeOptions,
  type ServerLimits,
  serveSimulatedPlatform,
} from './serve.ts'
export type { PlatformTokens } from './session.ts'
