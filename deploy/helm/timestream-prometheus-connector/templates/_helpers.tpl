{{- define "connector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "connector.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "connector.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "connector.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "connector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "connector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "connector.labels" -}}
{{ include "connector.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "connector.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "connector.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "connector.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* "true" if one replica of each HA pair is stored, which takes one pod: who is elected is its memory. */}}
{{- define "connector.ha" -}}
{{- if has (index .Values.options "ha.enable" | toString) (list "1" "t" "T" "true" "TRUE" "True") }}
{{- if or .Values.autoscaling.enabled (and (not .Values.embedded.enabled) (gt (int .Values.replicas) 1)) }}
{{- fail "options.ha.enable needs one pod: set replicas=1 and leave autoscaling off, with a release for each HA pair or for all of them" }}
{{- end }}
{{- "true" }}
{{- end }}
{{- end }}

{{- define "connector.scheme" -}}
{{- if .Values.tls.secretName }}https{{ else }}http{{ end }}
{{- end }}

{{- define "connector.probe" -}}
{{- if and .root.Values.webConfig.secretName (not .root.Values.probes.httpHeaders) }}
tcpSocket:
  port: http
{{- else }}
httpGet:
  path: {{ .path }}
  port: http
  scheme: {{ include "connector.scheme" .root | upper }}
  {{- with .root.Values.probes.httpHeaders }}
  httpHeaders: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "connector.args" -}}
{{- if .Values.embedded.enabled }}
- --embedded
- --embedded.data-dir=/data
{{- if not (hasKey .Values.options "embedded.head-memory") }}
- --embedded.head-memory=128MiB
{{- end }}
{{- end }}
{{- with .Values.timestream.database }}
- --default-database={{ . }}
{{- end }}
{{- with .Values.timestream.table }}
- --default-table={{ . }}
{{- end }}
{{- if not .Values.embedded.enabled }}
- --region={{ .Values.timestream.region }}
{{- with .Values.timestream.writeEndpoint }}
- --write-base-endpoint={{ . }}
{{- end }}
{{- with .Values.timestream.queryEndpoint }}
- --query-base-endpoint={{ . }}
{{- end }}
- --enable-sigv4-auth={{ eq .Values.credentials "environment" }}
{{- end }}
{{- if .Values.tls.secretName }}
- --tls-certificate=/etc/connector/tls/tls.crt
- --tls-key=/etc/connector/tls/tls.key
{{- end }}
{{- if .Values.webConfig.secretName }}
- --web.config.file=/etc/connector/web/{{ .Values.webConfig.key }}
{{- end }}
- --shutdown.delay={{ .Values.shutdown.delaySeconds }}s
- --shutdown.grace-period={{ .Values.shutdown.gracePeriodSeconds }}s
{{- range $name, $value := .Values.options }}
{{- /* A number is a float here, and a large one would be printed with an exponent. */}}
- {{ printf "--%s=%s" $name (kindIs "float64" $value | ternary (printf "%d" (int64 $value)) (toString $value)) | quote }}
{{- end }}
{{- end }}
