output "functions" {
  description = "The names of all that get rights of their own: the functions, and the pod."
  value       = sort(keys(local.rights))
}

output "names" {
  description = "Function → what its role, its user and its policy are called."
  value       = { for function in keys(local.rights) : function => "${var.name_prefix}-${function}" }
}

output "stages" {
  description = "Stage → the prefix of its work objects, its queue, and the queue of dead letters."
  value       = local.stages
}

output "events" {
  description = "The events that a bucket has to tell of. Not all of ObjectCreated: that fires on tags, too."
  value       = [for operation in local.layout.operations : "s3:ObjectCreated:${operation}"]
}

output "retention" {
  description = "Rule → prefix, and the days after which its objects are deleted. Nothing else expires."
  value = {
    for prefix, days in merge(local.layout.expires_after_days, var.expires_after_days) :
    "expire-${replace(trimsuffix(prefix, "/"), "/", "-")}" => {
      prefix = "${var.key_prefix}${prefix}"
      days   = days
    } if days > 0
  }
}

output "policies" {
  description = "Function → its IAM policy document, as JSON."
  value       = { for function, policy in local.policies : function => jsonencode(policy) }
}

output "store_url" {
  description = "EKIDEN_STORE_URL, without the options that say where the store is."
  value       = trimsuffix("s3://${var.bucket}/${var.key_prefix}", "/")
}
