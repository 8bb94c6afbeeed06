import { equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { resourceNameFault } from './resource-name.ts'

for (const name of [
  'kubernetes.azure.com/sgx_epc_mem_in_MiB',
  'sgx.intel.com/enclave',
  'alibabacloud.com/sgx_epc_MiB',
  'sgx.k8s.io/sgx',
]) {
  test(`${name} is an extended resource's name`, () => {
    equal(resourceNameFault(name), undefined)
  })
}

for (const [name, says] of [
  ['memory', /want one "\/"/],
  ['a.example/b/c', /want one "\/"/],
  ['/enclave', /"" is no domain name/],
  ['Sgx.intel.com/enclave', /no domain name/],
  ['sgx..com/enclave', /no domain name/],
  [`${'a'.repeat(254)}/enclave`, /no domain name/],
  ['kubernetes.io/enclave', /Kubernetes’ own/],
  ['node.kubernetes.io/enclave', /Kubernetes’ own/],
  ['requests.example.com/enclave', /taken by quotas/],
  ['sgx.intel.com/', /is not up to 63/],
  ['sgx.intel.com/-enclave', /is not up to 63/],
  [`sgx.intel.com/${'e'.repeat(64)}`, /is not up to 63/],
] as const) {
  test(`"${name.slice(0, 40)}" is no extended resource's name`, () => {
    match(resourceNameFault(name) ?? '', says)
  })
}
