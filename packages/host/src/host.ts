import type { CpuidResult } from '@alcove/sgx'

/** What an agent may see of its node. Paths are the node's own: `/dev/sgx_enclave`. */
export interface Host {
  /**
   * The file's bytes, or `undefined` if there is no such file.
   *
   * @throws {HostError} `ERR_HOST_READ` where there is one that cannot be read
   */
  read(path: string): Promise<Uint8Array | undefined>
  isCharDevice(path: string): Promise<boolean>
  /** Who may open the file, or `undefined` if there is no such file. Symbolic links are followed. */
  access(path: string): Promise<FileAccess | undefined>
  /**
   * What a CPU of the node answers, or `undefined` where there is no way to ask.
   *
   * @throws {HostError} `ERR_HOST_READ` where the way is there, but not for this process
   */
  cpuid(leaf: number, subleaf: number): Promise<CpuidReading | undefined>
}

export interface CpuidReading extends CpuidResult {
  /** Set where this process executed the instruction itself; otherwise the node was asked: /dev/cpu/0/cpuid. */
  readonly executed?: true
}

export interface FileAccess {
  readonly gid: number
  /** Permission bits: 0o660. */
  readonly mode: number
}
