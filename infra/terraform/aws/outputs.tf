output "store_url" {
  description = "EKIDEN_STORE_URL for all parts."
  value       = "${module.layout.store_url}?region=${aws_s3_bucket.mail.region}"
}

output "role_arns" {
  description = "Service account → the role for its annotation eks.amazonaws.com/role-arn."
  value       = { for account, role in aws_iam_role.function : account => role.arn }
}

output "queue_arns" {
  description = "Stage → its queue, for alarms and further policies."
  value       = { for stage, queue in aws_sqs_queue.work : stage => queue.arn }
}

output "queue_urls" {
  description = "Stage → its queue, for EKIDEN_SOURCES_SQS."
  value       = { for stage, queue in aws_sqs_queue.work : stage => queue.id }
}

output "dead_letter_queue_arns" {
  description = "Stage → where its dead letters are, for an alarm on their number."
  value       = { for stage, queue in aws_sqs_queue.dead : stage => queue.arn }
}
