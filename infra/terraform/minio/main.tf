# The bucket, whom it tells, what expires in it, and one user per function. MinIO alone: it has its
# own words for targets and rules.

module "layout" {
  source             = "../layout"
  bucket             = var.bucket
  key_prefix         = var.key_prefix
  name_prefix        = var.name_prefix
  send_from_pod      = var.send_from_pod
  pod_reads_queues   = var.pod_reads_queues
  expires_after_days = var.expires_after_days
}

locals {
  targets = {
    for stage in keys(module.layout.stages) : stage => lookup(var.target_ids, stage, stage)
  }
}

resource "minio_s3_bucket" "mail" {
  bucket        = var.bucket
  acl           = "private"
  force_destroy = var.force_destroy
}

# A new target counts after a restart of the server.
resource "minio_notify_webhook" "stage" {
  for_each   = { for stage, url in var.webhooks : stage => url if contains(keys(local.targets), stage) }
  name       = local.targets[each.key]
  endpoint   = each.value
  auth_token = var.events_token
  queue_dir  = var.queue_dir == "" ? null : "${var.queue_dir}/${each.key}"
}

resource "minio_s3_bucket_notification" "mail" {
  bucket = minio_s3_bucket.mail.bucket

  dynamic "queue" {
    for_each = module.layout.stages
    content {
      id            = queue.value.queue
      queue_arn     = "arn:minio:sqs::${local.targets[queue.key]}:${var.target_kind}"
      events        = module.layout.events
      filter_prefix = queue.value.prefix
    }
  }

  depends_on = [minio_notify_webhook.stage]
}

# A bucket has one policy, with all rules.
resource "minio_ilm_policy" "mail" {
  bucket = minio_s3_bucket.mail.bucket

  dynamic "rule" {
    for_each = module.layout.retention
    content {
      id         = rule.key
      filter     = rule.value.prefix
      expiration = "${rule.value.days}d"
    }
  }
}

resource "minio_iam_user" "function" {
  for_each = module.layout.names
  name     = each.value
}

resource "minio_iam_policy" "function" {
  for_each = module.layout.names
  name     = each.value
  policy   = module.layout.policies[each.key]
}

resource "minio_iam_user_policy_attachment" "function" {
  for_each    = module.layout.names
  user_name   = minio_iam_user.function[each.key].name
  policy_name = minio_iam_policy.function[each.key].name
}
