/** What `--help` of a role says of its settings; a test holds it against what the role reads. */
export const DEVICE_PLUGIN_SETTINGS = `
Settings, in the environment:
  DEVICE_PLUGIN_KUBELET_DIR     where the kubelet’s registration socket is
                                (/var/lib/kubelet/device-plugins)
  DEVICE_PLUGIN_HOST_ROOT       the node’s file system as this process sees it (/)
  DEVICE_PLUGIN_SIMULATED_ROOT  a simulated node’s root in place of the machine
  DEVICE_PLUGIN_AESM_DIR        directory of the AESM socket, to be mounted into
                                every container that gets EPC`

export const QUOTE_HELPER_SETTINGS = `
Settings, in the environment:
  QUOTE_HELPER_SOCKET           where programs look for AESM
                                (/var/run/aesmd/aesm.socket)
  QUOTE_HELPER_PLATFORM         what makes the quotes, on a cluster: simulated, the
                                platform whose devices this container was allocated
                                (required in this version)
  QUOTE_HELPER_SIMULATED_ROOT   in its place, on the node that up starts: the
                                simulated node’s root`
