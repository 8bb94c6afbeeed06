// `phala-qvl.mjs CASES.json`: the npm package @phala/dcap-qvl behind the same lines as the crate: see dcap-qvl/src/main.rs.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
// biome-ignore lint/correctness/noUndeclaredDependencies: the one that the simulator is tested with
import qvl from '@phala/dcap-qvl'

const bytes = hex => Buffer.from(hex, 'hex')
const cases = JSON.parse(readFileSync(process.argv[2], 'utf8')).map(
  ({ quote, collateral, at, root }) => ({
    quote: bytes(quote),
    at,
    verifier:
      root === undefined
        ? qvl.QuoteVerifier.newProd()
        : qvl.QuoteVerifier.newWithRootCa(bytes(root)),
    // bytes where it takes bytes, so that it does not have to read hex each time
    collateral: {
      ...collateral,
      root_ca_crl: bytes(collateral.root_ca_crl),
      pck_crl: bytes(collateral.pck_crl),
      tcb_info_signature: bytes(collateral.tcb_info_signature),
      qe_identity_signature: bytes(collateral.qe_identity_signature),
    },
  }),
)

function verdict({ verifier, quote, collateral, at }) {
  try {
    const { status, advisory_ids: advisories } = verifier.verify(quote, collateral, at)
    return { status, advisories }
  } catch (error) {
    const causes = []
    for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause.message)
    return { refused: causes.join(': ') }
  }
}

function measure({ verifier, quote, collateral, at }, times) {
  const start = process.hrtime.bigint()
  for (let time = 0; time < times; time++) verifier.verify(quote, collateral, at)
  return process.hrtime.bigint() - start
}

for await (const line of createInterface({ input: process.stdin })) {
  const answers =
    line === 'verdicts'
      ? cases.map(one => JSON.stringify(verdict(one)))
      : [measure(cases[Number(line.split(' ')[0])], Number(line.split(' ')[1]))]
  process.stdout.write(`${answers.join('\n')}\n`)
}
