variable "bucket" {
  description = "The name of the bucket, which this makes."
  type        = string
}

variable "key_prefix" {
  description = "Where in the bucket, as in EKIDEN_STORE_URL=s3://bucket/prefix: empty, or with a slash at its end."
  type        = string
  default     = ""
}

variable "name_prefix" {
  description = "What the names of queues and roles begin with; infra/knative/overlays/aws says ekiden."
  type        = string
  default     = "ekiden"
}

variable "send_from_pod" {
  description = "Whether the pod sends and reads what comes back, as with the component send-from-pod."
  type        = bool
  default     = false
}

variable "pod_reads_queues" {
  description = "Whether the pod reads the queues. Otherwise `ekiden sources` does, as the service account queues."
  type        = bool
  default     = true
}

variable "oidc_provider_arn" {
  description = "The OIDC provider of the cluster, whose service accounts take the roles (IRSA). Empty: trusted_principals."
  type        = string
  default     = ""
  validation {
    condition     = var.oidc_provider_arn == "" || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/.+$", var.oidc_provider_arn))
    error_message = "As in arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE."
  }
}

variable "namespace" {
  description = "The namespace of the service accounts, which are called like the functions."
  type        = string
  default     = "ekiden"
}

variable "trusted_principals" {
  description = "ARNs of who may take the roles where there is no OIDC provider."
  type        = list(string)
  default     = []
  validation {
    condition     = (length(var.trusted_principals) > 0) != (var.oidc_provider_arn != "")
    error_message = "Give either oidc_provider_arn or trusted_principals."
  }
  validation {
    condition     = !contains(var.trusted_principals, "*")
    error_message = "Not everybody."
  }
}

variable "visibility_timeout_s" {
  description = "How long a message is hidden once it was received: longer than any function may take (600 s)."
  type        = number
  default     = 900
  validation {
    condition     = var.visibility_timeout_s >= 900 && var.visibility_timeout_s <= 43200
    error_message = "From 15 minutes to SQS's limit, 12 hours."
  }
}

variable "expires_after_days" {
  description = "Prefix → days after which its objects are deleted, where that differs from the default; 0 is never."
  type        = map(number)
  default     = {}
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes the mail in it, too."
  type        = bool
  default     = false
}
