package jellyfin

// ParseDiscovery is parseDiscovery, for the fuzz test.
var ParseDiscovery = parseDiscovery

// DirectedBroadcast is directedBroadcast, for its test.
var DirectedBroadcast = directedBroadcast

// BroadcastAddresses is broadcastAddresses, for its test.
var BroadcastAddresses = broadcastAddresses
