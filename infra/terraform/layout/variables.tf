variable "bucket" {
  description = "The bucket that holds everything."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket has 3 to 63 characters: lower-case letters, digits, hyphens, dots."
  }
}

variable "key_prefix" {
  description = "Where in the bucket, as in EKIDEN_STORE_URL=s3://bucket/prefix: empty, or with a slash at its end."
  type        = string
  default     = ""
  validation {
    condition     = var.key_prefix == "" || can(regex("^([A-Za-z0-9._-]+/)+$", var.key_prefix))
    error_message = "Empty, or folders with a slash at the end, as in mail/live/."
  }
}

variable "name_prefix" {
  description = "What the names of queues, roles, users and policies begin with, before a hyphen."
  type        = string
  default     = "ekiden"
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,39}$", var.name_prefix))
    error_message = "Up to 40 lower-case letters, digits and hyphens."
  }
}

variable "partition" {
  description = "The first part of ARNs: aws, aws-cn, aws-us-gov; aws for every other S3 as well."
  type        = string
  default     = "aws"
}

variable "send_from_pod" {
  description = "Whether the pod sends and reads what comes back, as with the component send-from-pod."
  type        = bool
  default     = false
}

variable "pod_reads_queues" {
  description = "Whether the pod takes the events itself: then it is told of the stages that it does, too."
  type        = bool
  default     = false
}

variable "expires_after_days" {
  description = "Prefix → days after which its objects are deleted, where that differs from the default; 0 is never."
  type        = map(number)
  default     = {}
  validation {
    condition     = length(setsubtract(keys(var.expires_after_days), keys(local.layout.expires_after_days))) == 0
    error_message = "Only what may expire at all: see expires_after_days in layout.json."
  }
}
