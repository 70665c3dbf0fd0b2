# The bucket: private, encrypted, over TLS alone; and what expires in it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

module "layout" {
  source             = "../layout"
  bucket             = var.bucket
  key_prefix         = var.key_prefix
  name_prefix        = var.name_prefix
  partition          = data.aws_partition.current.partition
  send_from_pod      = var.send_from_pod
  pod_reads_queues   = var.pod_reads_queues
  expires_after_days = var.expires_after_days
}

resource "aws_s3_bucket" "mail" {
  bucket        = var.bucket
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "mail" {
  bucket                  = aws_s3_bucket.mail.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "mail" {
  bucket = aws_s3_bucket.mail.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "mail" {
  bucket = aws_s3_bucket.mail.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "mail" {
  bucket = aws_s3_bucket.mail.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.mail.arn, "${aws_s3_bucket.mail.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  # Two changes of a bucket's access at once are refused.
  depends_on = [aws_s3_bucket_public_access_block.mail]
}

resource "aws_s3_bucket_lifecycle_configuration" "mail" {
  bucket = aws_s3_bucket.mail.id

  dynamic "rule" {
    for_each = module.layout.retention
    content {
      id     = rule.key
      status = "Enabled"
      filter {
        prefix = rule.value.prefix
      }
      expiration {
        days = rule.value.days
      }
    }
  }

  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {
      prefix = var.key_prefix
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
