# What stands around the keys of the bucket, as data: names, notifications, retention, rights.
# layout.json comes from the code: python -m shared.layout > infra/terraform/layout/layout.json

locals {
  layout = jsondecode(file("${path.module}/layout.json"))
  arn    = "arn:${var.partition}:s3:::${var.bucket}"

  # Where the pod sends, it does what the functions send and bounce do. It finds the work itself; if
  # it is told of events, it takes the work up at once.
  done_by_pod = var.send_from_pod ? ["send", "bounce"] : []
  untold      = var.pod_reads_queues ? [] : local.done_by_pod

  stages = {
    for stage, each in local.layout.stages : stage => {
      prefix            = "${var.key_prefix}${each.prefix}"
      queue             = "${var.name_prefix}${trimprefix(each.queue, "ekiden")}"
      dead_letter_queue = "${var.name_prefix}${trimprefix(each.queue, "ekiden")}-dead"
    } if !contains(local.untold, stage)
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

  # A statement about nothing would make the whole document invalid.
  policies = {
    for function, each in local.rights : function => {
      Version = "2012-10-17"
      Statement = concat(
        [
          for allowed in [
            { action = "s3:GetObject", patterns = each.read },
            { action = "s3:PutObject", patterns = each.write },
            { action = "s3:DeleteObject", patterns = each.delete },
            ] : {
            Effect   = "Allow"
            Action   = [allowed.action]
            Resource = [for pattern in allowed.patterns : "${local.arn}/${var.key_prefix}${pattern}"]
          } if length(allowed.patterns) > 0
        ],
        [
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
        ],
      )
    }
  }
}
