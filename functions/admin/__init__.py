"""The operator API, and what an app may see and change of its own Domain.

face        every request: who calls, may they, what answers, what goes wrong
principal   who calls: an operator with the admin token, or a Domain by its API key
route       one endpoint: path, scope, models; routing and the OpenAPI document both read it
audit       a record of each decision, where that is switched on
openapi     the document
resources/  the endpoints, one module for each kind of thing
"""
