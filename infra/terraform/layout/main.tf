# What stands around the keys of the bucket, as data: names, notifications, retention, rights.
# layout.json comes from the code: python -m shared.layout > infra/terraform/layout/layout.json

locals {
  layout = jsondecode(file("${path.module}/layout.json"))
  arn    = "arn:${var.partition}:s3:::${var.bucket}"

  # Where the pod sends, it does what the functions send and bounce do, and finds the work itself.
  done_by_pod = var.send_from_pod ? ["send", "bounce"] : []

  stages = {
    for stage, each in local.layout.stages : stage => {
      prefix            = "${var.key_prefix}${each.prefix}"
      queue             = "${var.name_prefix}${trimprefix(each.queue, "ekiden")}"
      dead_letter_queue = "${var.name_prefix}${trimprefix(each.queue, "ekiden")}-dead"
    } if !contains(local.done_by_pod, stage)
  }

  rights = {
    for function, each in local.layout.rights : function => (
      function == "pod" && var.send_from_pod ? local.layout.rights["pod_sending"] : each
    ) if function != "pod_sending" && !contains(local.done_by_pod, function)
  }

  # S3 answers 404 for what is not there only to who may list its key, else 403. So what may be read
  # may be listed, too.
  listed = {
    for function, each in local.rights : function =>
    sort(distinct(concat(each.read, [for prefix in each.list : "${prefix}*"])))
  }

  policies = {
    for function, each in local.rights : function => {
      Version = "2012-10-17"
      Statement = [
        {
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = [for pattern in each.read : "${local.arn}/${var.key_prefix}${pattern}"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:PutObject"]
          Resource = [for pattern in each.write : "${local.arn}/${var.key_prefix}${pattern}"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:DeleteObject"]
          Resource = [for pattern in each.delete : "${local.arn}/${var.key_prefix}${pattern}"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = [local.arn]
          Condition = {
            StringLike = {
              "s3:prefix" = [for pattern in local.listed[function] : "${var.key_prefix}${pattern}"]
            }
          }
        },
      ]
    }
  }
}
