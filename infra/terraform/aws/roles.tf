# One role per function with the rights of layout.json. The pod's reads the queues, too; where it
# shall not, there is one more for who does.

locals {
  reader = var.pod_reads_queues ? "pod" : "queues"
  # Service account → the role that it takes.
  roles  = merge({ (local.reader) = "${var.name_prefix}-${local.reader}" }, module.layout.names)
  issuer = replace(var.oidc_provider_arn, "/^.*:oidc-provider\\//", "")

  of_service_account = {
    for account in keys(local.roles) : account => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = var.oidc_provider_arn }
        Condition = {
          StringEquals = {
            "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${account}"
            "${local.issuer}:aud" = "sts.amazonaws.com"
          }
        }
      }]
    })
  }
  of_principals = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.trusted_principals }
    }]
  })

  reading_queues = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
      ]
      Resource = [for queue in values(aws_sqs_queue.work) : queue.arn]
    }]
  })
}

resource "aws_iam_role" "function" {
  for_each           = local.roles
  name               = each.value
  description        = "Ekiden: ${each.key}"
  assume_role_policy = var.oidc_provider_arn == "" ? local.of_principals : local.of_service_account[each.key]
}

resource "aws_iam_role_policy" "bucket" {
  for_each = module.layout.policies
  name     = "bucket"
  role     = aws_iam_role.function[each.key].id
  policy   = each.value
}

resource "aws_iam_role_policy" "queues" {
  name   = "queues"
  role   = aws_iam_role.function[local.reader].id
  policy = local.reading_queues
}
