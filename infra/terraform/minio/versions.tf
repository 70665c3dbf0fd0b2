terraform {
  required_version = ">= 1.9"
  required_providers {
    minio = {
      source  = "aminueza/minio"
      version = "~> 3.40"
    }
  }
}
