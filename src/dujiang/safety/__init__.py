"""Filing, assessment, sandbox, monitoring, incidents and labels: whether what is offered is safe."""
