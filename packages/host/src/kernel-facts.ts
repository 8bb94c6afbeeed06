import { gunzipSync } from 'node:zlib'
import { readHwcap2 } from './auxiliary-vector.ts'
import { absent, type Fact, fileFact, firstKnown, map, text } from './fact.ts'
import type { Host } from './host.ts'

/** What the kernel says of itself. */
export interface KernelFacts {
  /** `6.8.0-45-generic`. */
  readonly release: Fact<string>
  /** The kernel was built with its own SGX driver (CONFIG_X86_SGX). */
  readonly builtWithSgx: Fact<boolean>
  /** Those of `nosgx` and `nofsgsbase` that it was booted with. */
  readonly switchedOff: Fact<readonly string[]>
  /** Programs may use the FSGSBASE instructions: AT_HWCAP2 bit 1. */
  readonly fsgsbase: Fact<boolean>
}

export async function readKernel(host: Host): Promise<KernelFacts> {
  const release = await fileFact(
    host,
    '/proc/sys/kernel/osrelease',
    bytes => text(bytes) || undefined,
  )
  return {
    release,
    builtWithSgx: await builtWithSgx(host, release.value),
    switchedOff: await fileFact(host, '/proc/cmdline', bytes => {
      const words = text(bytes).split(/\s+/)
      return ['nosgx', 'nofsgsbase'].filter(word => words.includes(word))
    }),
    fsgsbase: await readFsgsbase(host),
  }
}

/** Linux has its own SGX driver, and the `sgx` and `sgx_lc` flags, since 5.11 (Intel DCAP, README.kernel.md). */
export function atLeast(release: string, major: number, minor: number): boolean | undefined {
  const [, first, second] = /^(\d{1,4})\.(\d{1,4})/.exec(release) ?? []
  if (first === undefined) return undefined
  return Number(first) > major || (Number(first) === major && Number(second) >= minor)
}

async function builtWithSgx(host: Host, release: string | undefined): Promise<Fact<boolean>> {
  const packed = () => fileFact(host, '/proc/config.gz', unpacked)
  const config = await firstKnown(packed, async () =>
    release === undefined || !/^[\w.+~-]+$/.test(release)
      ? absent('not-asked', '/boot/config-<release>')
      : fileFact(host, `/boot/config-${release}`, text),
  )
  return map(config, sgxOf, source => `${source} CONFIG_X86_SGX`)
}

function sgxOf(config: string): boolean | undefined {
  if (/^CONFIG_X86_SGX=y$/m.test(config)) return true
  return /^# CONFIG_X86_SGX is not set$/m.test(config) ? false : undefined
}

const maxConfigBytes = 4 * 2 ** 20

/** A configuration that cannot be unpacked states nothing. */
function unpacked(bytes: Uint8Array): string | undefined {
  try {
    return text(gunzipSync(bytes, { maxOutputLength: maxConfigBytes }))
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) return undefined
    throw cause
  }
}

/** HWCAP2_FSGSBASE: Linux, arch/x86/include/uapi/asm/hwcap2.h. */
const fsgsbaseBit = 0x2n

async function readFsgsbase(host: Host): Promise<Fact<boolean>> {
  return map(
    await fileFact(host, '/proc/self/auxv', readHwcap2),
    hwcap2 => (hwcap2 & fsgsbaseBit) !== 0n,
    source => `${source} AT_HWCAP2 bit 1`,
  )
}
