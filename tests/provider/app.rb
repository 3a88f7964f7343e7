# frozen_string_literal: true

# An OAuth 2.0 provider for the tests: an unmodified Rails and Doorkeeper, on loopback.
#
# `tests/support/doorkeeper.py` starts it by config.ru. DATA_DIR is the folder of its database and
# log; every other setting is an environment variable with a default, which the README lists.

require "logger"
require "securerandom"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "doorkeeper"

module Settings
  def self.flag(name)
    ENV.fetch(name, "1") == "1"
  end

  DATA_DIR = ENV.fetch("DATA_DIR")
  EXPIRES_IN = ENV.fetch("EXPIRES_IN", "7200") # seconds, or "never"
  GRANT_FLOWS = ENV.fetch("GRANT_FLOWS", "authorization_code implicit client_credentials").split
  REDIRECT_URIS = ENV.fetch("REDIRECT_URIS", "").split
  REFRESH_TOKENS = flag("REFRESH_TOKENS")
  # With the column `previous_refresh_token`, a refresh token is revoked when the new access token
  # is used for the first time; without it, at once.
  REFRESH_REVOKED_ON_USE = flag("REFRESH_REVOKED_ON_USE")
  REUSE_ACCESS_TOKEN = ENV["REUSE_ACCESS_TOKEN"] == "1"
  PKCE = flag("PKCE")
end

class ProviderApp < Rails::Application
  config.root = Settings::DATA_DIR
  config.load_defaults 6.1
  config.eager_load = true
  config.consider_all_requests_local = false
  config.secret_key_base = SecureRandom.hex(64)
  config.active_support.deprecation = :log
  config.logger = Logger.new(File.join(Settings::DATA_DIR, "rails.log"))
  config.log_level = :info

  # Replaces config/database.yml.
  config.define_singleton_method(:database_configuration) do
    database = File.join(Settings::DATA_DIR, "provider.sqlite3")
    { "production" => { "adapter" => "sqlite3", "database" => database, "timeout" => 10_000 } }
  end
end

Doorkeeper.configure do
  orm :active_record
  resource_owner_authenticator { User.find(1) } # the browser is always signed in
  grant_flows Settings::GRANT_FLOWS
  use_refresh_token if Settings::REFRESH_TOKENS
  reuse_access_token if Settings::REUSE_ACCESS_TOKEN
  default_scopes :public
  optional_scopes :write
  access_token_expires_in(Settings::EXPIRES_IN == "never" ? nil : Integer(Settings::EXPIRES_IN))
  force_ssl_in_redirect_uri false
end

class User < ActiveRecord::Base
end

module Database
  # The tables of Doorkeeper's install generator, with the columns of its PKCE generator.
  def self.create_tables
    ActiveRecord::Schema.verbose = false
    ActiveRecord::Schema.define do
      create_table(:users) do |t|
        t.string :name
      end
      create_table(:oauth_applications) do |t|
        t.string :name, :uid, :secret, null: false
        t.text :redirect_uri, null: false
        t.string :scopes, null: false, default: ""
        t.boolean :confidential, null: false, default: true
        t.timestamps
        t.index :uid, unique: true
      end
      create_table(:oauth_access_grants) do |t|
        t.references :resource_owner, :application, null: false
        t.string :token, null: false
        t.integer :expires_in, null: false
        t.text :redirect_uri, null: false
        t.string :scopes, null: false, default: ""
        t.datetime :created_at, null: false
        t.datetime :revoked_at
        t.string :code_challenge, :code_challenge_method if Settings::PKCE
        t.index :token, unique: true
      end
      create_table(:oauth_access_tokens) do |t|
        t.references :resource_owner
        t.references :application, null: false
        t.string :token, null: false
        t.string :refresh_token, :scopes
        t.integer :expires_in
        t.datetime :created_at, null: false
        t.datetime :revoked_at
        t.string :previous_refresh_token, null: false, default: "" if Settings::REFRESH_REVOKED_ON_USE
        t.index :token, unique: true
        t.index :refresh_token, unique: true
      end
    end
  end

  # Doorkeeper accepts every port for a redirect URI of 127.0.0.1 (RFC 8252, section 7.3).
  REDIRECT_URIS = %w[
    http://127.0.0.1:8899/callback
    http://127.0.0.1:8899/with-query?tenant=one
    https://client.example/callback
  ].freeze

  # client id, secret, confidential
  CLIENTS = [
    ["confidential-app", "confidential-secret", true],
    ["public-app", "unused-secret", false],
    ["other-app", "other-secret", true],
    ["odd-secret-app", "p@ss:w+r d%20=&~/é", true],
  ].freeze

  def self.fill
    User.create!(id: 1, name: "Test Resident")
    redirect_uris = (REDIRECT_URIS + Settings::REDIRECT_URIS).join("\n")
    CLIENTS.each do |uid, secret, confidential|
      Doorkeeper::Application.create!(
        name: uid, uid: uid, secret: secret, confidential: confidential, redirect_uri: redirect_uris
      )
    end
  end
end

# The protected API: SeeClickFix's profile, and two resources behind Doorkeeper's usual guard.
class ApiController < ActionController::API
  before_action(only: :strict) { doorkeeper_authorize! }
  before_action(only: :write) { doorkeeper_authorize! :write }

  # As SeeClickFix documents it: 200 and {"id": null} without a token, 401 for a token that is not valid.
  def profile
    methods = Doorkeeper.config.access_token_methods
    doorkeeper_authorize! if Doorkeeper::OAuth::Token.from_request(request, *methods).present?
    return if performed?

    user = User.find_by(id: doorkeeper_token&.resource_owner_id)
    render json: user || { id: nil }
  end

  def strict
    head :ok
  end

  def write
    render json: {}
  end
end

# Controls for the tests.
class TestController < ActionController::API
  # Delete all tokens and codes.
  def reset
    [Doorkeeper::AccessToken, Doorkeeper::AccessGrant].each(&:delete_all)
    head :no_content
  end

  # Make an access token, a refresh token or a code `seconds` older, so that no test has to wait.
  def age
    value = params.require(:token)
    row = Doorkeeper::AccessToken.by_token(value) || Doorkeeper::AccessToken.by_refresh_token(value) ||
          Doorkeeper::AccessGrant.by_token(value)
    row.update_columns(created_at: row.created_at - Integer(params.require(:seconds)))
    head :no_content
  end
end

# A server whose test run was killed ends by itself after an hour.
Thread.new { sleep 3600 and exit! }

Rails.application.initialize!
Database.create_tables
Database.fill

Rails.application.routes.draw do
  use_doorkeeper { skip_controllers :applications }
  get "/api/v2/profile", to: "api#profile"
  get "/api/v2/strict", to: "api#strict"
  post "/api/v2/write", to: "api#write"
  post "/test/reset", to: "test#reset"
  post "/test/age", to: "test#age"
end
