import type { EpcShortage } from '../simulator-error.ts'

/** What a token permits: to hold enclaves, or to have REPORTs quoted. */
export type Grant = 'enclave' | 'provision'

/** Most pages with content in one `addMeasured`. */
export const maxContentPages = 64
/** Most pages in one `addUnmeasured`. */
export const maxUnmeasuredPages = 4096

type Nothing = Readonly<Record<never, never>>

/** What each operation takes, beside its name. `Bytes` are base64 as they travel, bytes as they are used. */
export interface RequestFields<Bytes> {
  readonly open: { readonly token: string }
  readonly create: {
    readonly sizeBytes: number
    readonly ssaFrameSize: number
    readonly debug: boolean
    /** An enclave with KSS: key separation and sharing. */
    readonly kss?: { readonly configId: Bytes; readonly configSvn: number } | undefined
  }
  readonly addMeasured: {
    readonly enclave: number
    readonly offset: number
    readonly secinfoFlags: number
    /** Whole pages. */
    readonly content: Bytes
  }
  readonly addUnmeasured: {
    readonly enclave: number
    readonly offset: number
    readonly secinfoFlags: number
    /** In pages. */
    readonly count: number
  }
  readonly init: {
    readonly enclave: number
    readonly signer: string
    readonly isvProdId: number
    readonly isvSvn: number
    /** Only for an enclave that was created with KSS. */
    readonly kss?: { readonly familyId: Bytes; readonly extProdId: Bytes } | undefined
  }
  readonly report: {
    readonly enclave: number
    readonly targetInfo: Bytes
    readonly reportData: Bytes
  }
  readonly getKey: { readonly enclave: number; readonly keyRequest: Bytes }
  readonly destroy: { readonly enclave: number }
  readonly 'qe.targetInfo': Nothing
  readonly 'qe.quoteSize': Nothing
  readonly 'qe.quote': { readonly report: Bytes; readonly qeReportInfo?: Bytes | undefined }
  readonly epc: Nothing
  readonly collateral: Nothing
  readonly root: Nothing
  readonly tcb: Nothing
  readonly reload: Nothing
}

/** What each operation answers. */
export interface AnswerFields<Bytes> {
  readonly open: { readonly grants: readonly Grant[] }
  readonly create: { readonly enclave: number }
  readonly addMeasured: Nothing
  readonly addUnmeasured: Nothing
  readonly init: {
    readonly mrEnclave: Bytes
    readonly mrSigner: Bytes
    readonly targetInfo: Bytes
  }
  readonly report: { readonly report: Bytes }
  readonly getKey: { readonly key: Bytes }
  readonly destroy: Nothing
  readonly 'qe.targetInfo': { readonly targetInfo: Bytes; readonly pubKeyId: Bytes }
  readonly 'qe.quoteSize': { readonly quoteBytes: number }
  readonly 'qe.quote': { readonly quote: Bytes; readonly qeReport?: Bytes | undefined }
  readonly epc: { readonly node: EpcCount; readonly reserve: EpcCount }
  readonly collateral: PlatformCollateral
  readonly root: { readonly rootPem: string }
  readonly tcb: PlatformTcb<Bytes>
  readonly reload: PlatformTcb<Bytes> & {
    /** Whether the platform had another state, and so restarted: enclaves on it are gone. */
    readonly restarted: boolean
  }
}

/** Which platform this is, and what it runs. */
export interface PlatformTcb<Bytes> {
  readonly platformId: string
  /** 16 bytes. */
  readonly cpuSvn: Bytes
  readonly pceSvn: number
  readonly qeIsvSvn: number
}

export interface EpcCount {
  readonly totalBytes: number
  readonly freeBytes: number
}

/** What a verifier needs for the platform's quotes: JSON texts as signed, chains in PEM, CRLs in hex of their DER. */
export interface PlatformCollateral {
  readonly tcb_info: string
  readonly tcb_info_issuer_chain: string
  readonly qe_identity: string
  readonly qe_identity_issuer_chain: string
  readonly root_ca_crl: string
  readonly pck_crl: string
  readonly pck_crl_issuer_chain: string
}

export type Operation = keyof RequestFields<unknown>

/** A request whose bytes are bytes. */
export type RequestOf<Op extends Operation> = {
  readonly [Each in Op]: { readonly op: Each } & RequestFields<Uint8Array>[Each]
}[Op]
export type Request = RequestOf<Operation>

/** An answer whose bytes are bytes. */
export type Answer<Op extends Operation> = AnswerFields<Uint8Array>[Op]
/** An answer whose bytes are base64. */
export type WireAnswer<Op extends Operation> = AnswerFields<string>[Op]

/** What every answer travels in. */
export type Envelope = { readonly ok: WireAnswer<Operation> } | { readonly error: WireError }

export interface WireError {
  readonly code: string
  readonly message: string
  readonly epc?: EpcShortage | undefined
}
