/** Every page that has an address of its own. */
export const pagePaths = ["/", "/providers", "/routes", "/playground", "/requests", "/config", "/clients", "/backups", "/settings"] as const
