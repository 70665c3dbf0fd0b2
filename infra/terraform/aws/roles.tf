# One role per function with the rights of layout.json, and one for who reads the queues.

locals {
  readers_role = "${var.name_prefix}-queues"
  # Service account → the role that it takes.
  roles  = merge(module.layout.names, { queues = local.readers_role })
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
  for_each = toset(concat(["queues"], var.pod_reads_queues ? ["pod"] : []))
  name     = "queues"
  role     = aws_iam_role.function[each.key].id
  policy   = local.reading_queues
}
