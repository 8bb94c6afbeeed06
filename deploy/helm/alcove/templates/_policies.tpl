{{- /*
CEL: the keys of a map that were changed between `before` and `after`, but for those that may be set and those that may be removed.
Called with a dict: before, after (CEL expressions of maps), set, removed (lists of keys).
*/}}
{{- define "alcove.cel.changedKeys" -}}
({{ .after }}.filter(key, !(key in {{ toJson .set }}) && !(key in {{ .before }} && {{ .before }}[key] == {{ .after }}[key]))
  + {{ .before }}.filter(key, !(key in {{ toJson .removed }}) && !(key in {{ .after }})))
{{- end }}

{{- /*
What policies on a part's writes to nodes have in common. Called with a list: the root, the name of the part.

Each is asked of that part's ServiceAccount alone: whatever is wrong with it, no other client's write to a node ever waits for it or fails.
A pod's token names its node since Kubernetes 1.30 (ServiceAccountTokenPodNodeInfo). Labels and annotations can be written through
nodes/status too, and are looked at there as well; spec through nodes/status and status through nodes are put back by the API server
before a policy sees them.
*/}}
{{- define "alcove.nodeWrites.match" -}}
{{- $root := index . 0 -}}
failurePolicy: Fail
matchConstraints:
  resourceRules:
    - apiGroups: [""]
      apiVersions: [v1]
      operations: [UPDATE]
      resources: [nodes, nodes/status]
matchConditions:
  - name: own-service-account
    expression: >-
      request.userInfo.?username.orValue("") == "system:serviceaccount:{{ $root.Release.Namespace }}:{{ index . 1 }}"
{{- end }}

{{- define "alcove.nodeWrites.variables" -}}
- name: tokenNode
  expression: >-
    request.userInfo.?extra[?"authentication.kubernetes.io/node-name"][?0].orValue("")
# dyn: maps, whose keys can be gone through.
- name: before
  expression: dyn(oldObject)
- name: after
  expression: dyn(object)
{{- range list "before" "after" }}
- name: {{ . }}Spec
  expression: variables.{{ . }}.?spec.orValue({})
- name: {{ . }}Status
  expression: variables.{{ . }}.?status.orValue({})
{{- end }}
{{- end }}

{{- /* Called with the name of the part. `refused` is a variable: a list of what may not be changed and was. */}}
{{- define "alcove.nodeWrites.validations" -}}
- expression: variables.tokenNode == object.metadata.name
  reason: Forbidden
  message: {{ . }} may write to its own node only
  messageExpression: >-
    variables.tokenNode == ""
    ? "{{ . }} may write to its own node only, and its token names none: it is not that of a pod"
    : "{{ . }} of node " + variables.tokenNode + " may not write to node " + object.metadata.name
- expression: variables.refused.size() == 0
  reason: Forbidden
  message: {{ . }} may not change this of a node
  messageExpression: >-
    "{{ . }} may not change " + variables.refused.join(", ") + " of node " + object.metadata.name
{{- end }}

{{- define "alcove.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ index . 2 }}
  labels:
    {{- include "alcove.labels" . | nindent 4 }}
spec:
  policyName: {{ index . 2 }}
  validationActions: [Deny]
{{- end }}
