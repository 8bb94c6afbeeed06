/** What `--help` of verify says besides. */
export const VERIFY_HELP = `
Policy: without --policy only UpToDate is accepted, nothing expired, no debug
mode, of any enclave or TD. --accept adds statuses to the policy's, the
--allow flags allow, --mrenclave and --mrsigner take the place of what it says.

Several quotes are judged with one collateral: a line for each and a summary,
with --output json an array. Exit code 3 if one is refused, 1 if one cannot be
read.`
