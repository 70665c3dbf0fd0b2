# One queue per stage, filled by the bucket alone; what is received five times in vain goes to its
# queue of dead letters. The work itself is in the bucket either way.

locals {
  long_poll_s  = 20
  max_receives = 5
  # A dead letter's age counts from the day on which it was sent.
  kept_s      = 4 * 86400
  kept_dead_s = 14 * 86400
}

resource "aws_sqs_queue" "dead" {
  for_each                  = module.layout.stages
  name                      = each.value.dead_letter_queue
  message_retention_seconds = local.kept_dead_s
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "work" {
  for_each                   = module.layout.stages
  name                       = each.value.queue
  visibility_timeout_seconds = var.visibility_timeout_s
  receive_wait_time_seconds  = local.long_poll_s
  message_retention_seconds  = local.kept_s
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = local.max_receives
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each  = module.layout.stages
  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.work[each.key].arn]
  })
}

resource "aws_sqs_queue_policy" "work" {
  for_each  = module.layout.stages
  queue_url = aws_sqs_queue.work[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisBucket"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.work[each.key].arn
      Condition = {
        ArnEquals    = { "aws:SourceArn" = aws_s3_bucket.mail.arn }
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
      }
    }]
  })
}

resource "aws_s3_bucket_notification" "mail" {
  bucket = aws_s3_bucket.mail.id

  dynamic "queue" {
    for_each = module.layout.stages
    content {
      id            = queue.value.queue
      queue_arn     = aws_sqs_queue.work[queue.key].arn
      events        = module.layout.events
      filter_prefix = queue.value.prefix
    }
  }

  # S3 tries to send when the rule is made.
  depends_on = [aws_sqs_queue_policy.work]
}
