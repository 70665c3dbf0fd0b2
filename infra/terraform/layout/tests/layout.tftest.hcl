variables {
  bucket = "mail"
}

run "every_stage_has_its_prefix_and_its_queue" {
  command = plan

  assert {
    condition     = output.stages["validate"].prefix == "submitted/"
    error_message = "validate takes what is below submitted/"
  }
  assert {
    condition     = output.stages["validate"].queue == "ekiden-validate"
    error_message = "queues are called ekiden-STAGE"
  }
  assert {
    condition = alltrue([
      for each in values(output.stages) : each.queue == jsondecode(file("layout.json")).stages[
        one([for stage, other in output.stages : stage if other == each])
      ].queue
    ])
    error_message = "without a name prefix, queues are called as the code calls them"
  }
  assert {
    condition     = length(distinct([for each in values(output.stages) : each.prefix])) == length(output.stages)
    error_message = "a bucket refuses two rules whose prefixes overlap"
  }
}

run "the_bucket_tells_of_puts_and_nothing_else" {
  command = plan

  assert {
    condition     = contains(output.events, "s3:ObjectCreated:Put") && !contains(output.events, "s3:ObjectCreated:*")
    error_message = "ObjectCreated:* fires on tags and retention, too"
  }
}

run "each_function_has_a_policy_of_its_own" {
  command = plan

  assert {
    condition = toset(output.functions) == setsubtract(
      keys(jsondecode(file("layout.json")).rights), ["pod_sending"],
    )
    error_message = "the functions and the pod"
  }
  assert {
    condition     = length(distinct(values(output.policies))) == length(output.functions)
    error_message = "no two may do the same"
  }
  assert {
    condition     = output.names["send"] == "ekiden-send"
    error_message = "roles are called ekiden-FUNCTION"
  }
}

run "no_policy_reaches_further_than_its_patterns" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for statement in jsondecode(policy).Statement : [
          for resource in statement.Resource :
          statement.Action == ["s3:ListBucket"] ? resource == "arn:aws:s3:::mail" : !endswith(resource, ":mail/*")
        ]
      ]
    ]))
    error_message = "objects by pattern, the bucket only to list"
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for statement in jsondecode(policy).Statement : [
          for pattern in try(statement.Condition.StringLike["s3:prefix"], []) : pattern != "*"
        ]
      ]
    ]))
    error_message = "nobody lists the whole bucket"
  }
  assert {
    condition = [
      for function, policy in output.policies : function
      if strcontains(policy, "dkim.json")
    ] == ["admin", "dispatch"]
    error_message = "only who signs reads private DKIM keys, and who makes them"
  }
  assert {
    condition     = alltrue([for policy in values(output.policies) : length(policy) < 6144])
    error_message = "IAM takes 6,144 characters in a managed policy"
  }
}

run "what_may_be_read_may_be_listed" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for resource in jsondecode(policy).Statement[0].Resource : contains(
          reverse(jsondecode(policy).Statement)[0].Condition.StringLike["s3:prefix"],
          trimprefix(resource, "arn:aws:s3:::mail/"),
        )
      ]
    ]))
    error_message = "else S3 says 403 for what is not there, and a stage takes that for a fault"
  }
}

run "no_statement_is_about_nothing" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for statement in jsondecode(policy).Statement : length(statement.Resource) > 0
      ]
    ]))
    error_message = "one makes the whole policy invalid"
  }
}

run "work_never_expires" {
  command = plan

  assert {
    condition = length(setintersection(
      [for each in values(output.retention) : each.prefix],
      concat(["waiting/", "failed/", "domains/", "leases/"], [for each in values(output.stages) : each.prefix]),
    )) == 0
    error_message = "work and failures stay until somebody is done with them"
  }
  assert {
    condition     = output.retention["expire-control-warmup"].days == 90
    error_message = "days, as the code says"
  }
}

run "what_expires_may_be_kept_longer" {
  command = plan

  variables {
    expires_after_days = { "batches/" = 800, "events/" = 0 }
  }

  assert {
    condition     = output.retention["expire-batches"].days == 800 && !contains(keys(output.retention), "expire-events")
    error_message = "0 is never"
  }
}

run "work_cannot_be_made_to_expire" {
  command = plan

  variables {
    expires_after_days = { "waiting/" = 1 }
  }

  expect_failures = [var.expires_after_days]
}

run "all_of_it_may_be_below_a_prefix_and_have_other_names" {
  command = plan

  variables {
    key_prefix  = "mail/live/"
    name_prefix = "live-ekiden"
    partition   = "aws-cn"
  }

  assert {
    condition     = output.stages["submit"].prefix == "mail/live/inbox/" && output.stages["submit"].queue == "live-ekiden-submit"
    error_message = "notifications name the whole key"
  }
  assert {
    condition     = alltrue([for each in values(output.retention) : startswith(each.prefix, "mail/live/")])
    error_message = "what else is in the bucket does not expire"
  }
  assert {
    condition     = jsondecode(output.policies["dispatch"]).Statement[2].Resource == ["arn:aws-cn:s3:::mail/mail/live/validated/*"]
    error_message = "rights are below the prefix"
  }
  assert {
    condition     = output.store_url == "s3://mail/mail/live"
    error_message = "as the configuration takes it"
  }
}

run "the_pod_that_sends_does_what_two_functions_did" {
  command = plan

  variables {
    send_from_pod = true
  }

  assert {
    condition     = length(setintersection(output.functions, ["send", "bounce"])) == 0 && contains(output.functions, "pod")
    error_message = "send and bounce are gone"
  }
  assert {
    condition     = length(setintersection(keys(output.stages), ["send", "bounce"])) == 0 && contains(keys(output.stages), "dispatch")
    error_message = "a queue that nobody reads would only fill"
  }
  assert {
    condition     = strcontains(output.policies["pod"], "mail/leases/send/*")
    error_message = "the pod holds leases"
  }
}

run "a_pod_that_sends_and_hears_is_told_of_everything" {
  command = plan

  variables {
    send_from_pod    = true
    pod_reads_queues = true
  }

  assert {
    condition     = toset(keys(output.stages)) == toset(keys(jsondecode(file("layout.json")).stages))
    error_message = "it takes up at once what it hears of"
  }
  assert {
    condition     = length(setintersection(output.functions, ["send", "bounce"])) == 0
    error_message = "send and bounce are gone all the same"
  }
}

run "a_prefix_without_its_slash_is_refused" {
  command = plan

  variables {
    key_prefix = "mail"
  }

  expect_failures = [var.key_prefix]
}

run "a_prefix_with_a_wildcard_is_refused" {
  command = plan

  variables {
    key_prefix = "*/"
  }

  expect_failures = [var.key_prefix]
}

run "a_bucket_that_is_none_is_refused" {
  command = plan

  variables {
    bucket = "mail/*"
  }

  expect_failures = [var.bucket]
}
