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
  description = "What the names of users and policies begin with."
  type        = string
  default     = "ekiden"
}

variable "send_from_pod" {
  description = "Whether the pod sends and reads what comes back, as with the component send-from-pod."
  type        = bool
  default     = false
}

variable "pod_reads_queues" {
  description = "Whether the pod takes the events itself (target_kind nats, say): with send_from_pod those of its own stages, too."
  type        = bool
  default     = false
}

variable "webhooks" {
  description = "Stage → the URL that takes its events; the server gets one target per stage. Empty: the targets are there."
  type        = map(string)
  default     = {}
}

variable "events_token" {
  description = "EKIDEN_EVENTS_TOKEN, which the webhooks show as their bearer token."
  type        = string
  default     = ""
  sensitive   = true
  validation {
    condition     = length(var.webhooks) == 0 || length(var.events_token) >= 16
    error_message = "Webhooks without a token would let anybody wake the functions; give 16 characters or more."
  }
}

variable "queue_dir" {
  description = "Where the server keeps events that were not taken, so that a restart loses none. Empty: one try."
  type        = string
  default     = ""
}

variable "target_kind" {
  description = "What the targets of the notifications are: webhook, nats, or another kind that the server knows."
  type        = string
  default     = "webhook"
  validation {
    condition     = var.target_kind == "webhook" || length(var.webhooks) == 0
    error_message = "With webhooks, the targets are webhooks."
  }
}

variable "target_ids" {
  description = "Stage → the id of its target, where that is not the stage's own name."
  type        = map(string)
  default     = {}
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
