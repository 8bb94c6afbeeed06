/** What `--help` of inspect says of what it reads. */
export const INSPECT_HELP = `
Kinds:
  quote         of SGX or TDX, version 3, 4 or 5
  certificate   X.509, DER or PEM: of a PCK with what it says of the platform
  chain         certificates in PEM
  crl           certificate revocation list, DER or PEM
  tcb-info, qe-identity
                JSON as Intel's PCS serves it
  collateral    the JSON file that verify --collateral reads
  report, target-info, key-request, sigstruct
                of an SGX enclave
  td-report     of a TD
  sgxs          an enclave's build, which is measured

Nothing is verified: what is printed is what the bytes say.
TARGETINFO and KEYREQUEST are both 512 bytes: what names a known key and known
policy bits, and has zeros where they belong, is a KEYREQUEST.`
