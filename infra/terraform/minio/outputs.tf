output "store_url" {
  description = "EKIDEN_STORE_URL for all parts; add ?endpoint=, which is where they reach the server."
  value       = module.layout.store_url
}

output "secrets" {
  description = "Name of the Secret in Kubernetes → what has to be in it."
  sensitive   = true
  value = {
    for function in module.layout.functions : "store-${function}" => {
      AWS_ACCESS_KEY_ID     = minio_iam_user.function[function].name
      AWS_SECRET_ACCESS_KEY = minio_iam_user.function[function].secret
    }
  }
}

output "targets" {
  description = "Stage → the target of its notifications, as the server calls it."
  value       = local.targets
}
