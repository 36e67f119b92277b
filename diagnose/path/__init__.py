"""The path model: one file a layer, in path order egress, edge, load_balancer, node, gateway; and worlds of them."""
