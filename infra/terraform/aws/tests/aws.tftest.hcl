# Nothing is made: the provider only pretends.
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  bucket             = "mail"
  trusted_principals = ["arn:aws:iam::111122223333:root"]
}

run "the_pod_reads_the_queues" {
  command = plan

  assert {
    condition     = aws_iam_role_policy.queues.name == "queues" && !contains(keys(aws_iam_role.function), "queues")
    error_message = "no role that nobody takes"
  }
}

run "somebody_else_may_read_them" {
  command = plan

  variables {
    pod_reads_queues = false
  }

  assert {
    condition     = aws_iam_role.function["queues"].name == "ekiden-queues"
    error_message = "with a role of its own"
  }
  assert {
    condition     = !contains(keys(aws_iam_role_policy.bucket), "queues")
    error_message = "which reads nothing else"
  }
}

run "a_pod_that_sends_keeps_the_queues_that_it_reads" {
  command = plan

  variables {
    send_from_pod = true
  }

  assert {
    condition     = contains(keys(aws_sqs_queue.work), "send") && !contains(keys(aws_iam_role.function), "send")
    error_message = "it takes up at once what it hears of"
  }
}

run "without_a_reader_they_would_only_fill" {
  command = plan

  variables {
    send_from_pod    = true
    pod_reads_queues = false
  }

  assert {
    condition     = !contains(keys(aws_sqs_queue.work), "send") && contains(keys(aws_sqs_queue.work), "notify")
    error_message = "its sweep finds the work"
  }
}
